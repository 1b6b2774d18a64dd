"""Ray clusters on this machine for the tests that need them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NODE = {"node_ip_address": "127.0.0.1", "include_dashboard": False, "num_cpus": 1}
#: One for all, because Ray reads its token once in a process, and a process may run the tests of several files.
_TOKEN = "a1" * 32


@contextmanager
def one_node() -> Iterator[Any]:
    """Start a cluster with a head alone, and set the environment by which it is joined, until the block ends."""
    before = dict(os.environ)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # a cluster of the loopback alone
    os.environ.pop("RAY_AUTH_TOKEN_PATH", None)
    from ray.cluster_utils import Cluster  # it reads its authentication when it is imported

    started = None
    try:
        started = Cluster(initialize_head=True, head_node_args=NODE)
        yield started
    finally:
        if started is not None:
            started.shutdown()
        os.environ.clear()
        os.environ.update(before)
