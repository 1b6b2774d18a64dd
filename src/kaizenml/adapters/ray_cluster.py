"""A Ray cluster as the runner needs it: joined or started, asked what its nodes have, and left again."""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kaizenml.adapters.ray_address import meet
from kaizenml.adapters.ray_watch import Lookout, Place
from kaizenml.core.task import Task
from kaizenml.errors import StepFailedError, UsageError

_log = logging.getLogger(__name__)

_NODES_SECONDS = 1.0
_KNOCK_SECONDS = 0.5
_NODE = "ray.io/node-id"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Cluster:
    """A Ray cluster.

    Parameters
    ----------
    address
        ``HOST:PORT`` of its head, as `ray start` names it; this machine must be one of its nodes. Empty: a cluster of
        this machine alone is started, which only its loopback reaches, and ended with `leave`.
    """

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._ray: Any = None
        self._is_ours = False
        self._nodes: tuple[float, list[Mapping[str, Any]]] = (0.0, [])
        self._lookouts: dict[str, Any] = {}

    @property
    def is_joined(self) -> bool:
        """Whether tasks can be handed to it."""
        return self._ray is not None

    def join(self) -> None:
        """Join the cluster, or start it.

        Raises
        ------
        UsageError
            When Ray is not installed, when nothing is said of how its nodes know each other, or when it is not there.
        """
        if not self._address:
            self._set_own_token()
        elif not os.environ.get("RAY_AUTH_MODE"):
            raise UsageError(
                f"RAY_AUTH_MODE is not set, so that the cluster at {self._address} cannot be joined safely.",
                "Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN as on the cluster's nodes (or RAY_AUTH_MODE=disabled).",
            )
        if not self._address or self._address.rpartition(":")[0] in _LOOPBACK:
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else it takes another address of the machine
        os.environ.setdefault("RAY_DEDUP_LOGS", "0")  # else what several workers print alike is held back
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray = _imported()
        if self._address:
            meet(self._address)
        if not ray.is_initialized():
            where = {"address": self._address} if self._address else {
                "address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1",
            }  # fmt: skip
            try:
                ray.init(**where, log_to_driver=True, logging_level="error", namespace="kaizen")
            except Exception as error:
                what = f"The Ray cluster at {self._address} could not be joined" if self._address else (
                    "No Ray cluster could be started"
                )  # fmt: skip
                raise UsageError(
                    f"{what}: {str(error).strip()[:300]}",
                    "This machine must be a node of it: `ray start --address=HOST:PORT`, with the same token.",
                ) from error
            self._is_ours = True
        self._ray = ray

    def leave(self) -> None:
        """Leave the cluster; one that was started here ends."""
        if self._ray is not None and self._is_ours:
            self._ray.shutdown()
        self._ray = None
        self._lookouts.clear()

    def check(self, task: Task) -> None:
        """Raise `StepFailedError` when no node could take a task, even if all of it were free."""
        wanted = _resources(task)
        has = [node["Resources"] for node in self._alive()]
        if any(all(node.get(name, 0.0) >= amount for name, amount in wanted.items()) for node in has):
            return
        asked = ", ".join(_said(name, amount) for name, amount in wanted.items())
        nodes = "; ".join(", ".join(_said(name, node.get(name, 0.0)) for name in wanted) for node in has[:5])
        raise StepFailedError(
            f"The step `{task.step}` needs {asked}, which no node of the cluster has (nodes: {nodes or 'none'}).",
            "Ask for less (cpus=…, gpus=…, memory=…), or add such a node.",
            {"step": task.step, "item": task.item},
        )

    def put(self, value: object) -> Any:
        """Ship a value to the cluster; return what stands for it among the arguments of a call."""
        return self._ray.put(value)

    def call(self, task: Task, shunned: Collection[str], function: Callable[..., Any], *arguments: Any) -> Any:
        """Have a generator function called with what a task asks for, elsewhere than on some nodes.

        What is returned tells of its answers.
        """
        wanted = _resources(task)
        remote = self._ray.remote(function).options(
            num_cpus=wanted["CPU"],
            num_gpus=wanted.get("GPU", 0),
            memory=wanted.get("memory"),
            max_retries=0,
            num_returns="streaming",
            label_selector={_NODE: f"!in({','.join(sorted(shunned))})"} if shunned else None,
            # Else a worker is asked for at a node that has the arguments, and one that froze never answers.
            scheduling_strategy="SPREAD" if shunned else "DEFAULT",
            name=f"{task.step} {task.item}" if task.item is not None else task.step,
        )
        return remote.remote(*arguments)

    def ready(self, answers: list[Any], seconds: float) -> list[Any]:
        """Return those that have something new to tell, as soon as there is one."""
        if not answers:
            return []
        found, _ = self._ray.wait(answers, num_returns=1, timeout=seconds)
        return list(found)

    def next(self, answer: Any) -> Any:
        """Return what is new; raise what `lost` names when there will be nothing."""
        return self._ray.get(next(answer))

    def cancel(self, answer: Any) -> None:
        """End what is running for an answer, with its process."""
        with _said_aside("A task could not be cancelled."):
            self._ray.cancel(answer, force=True)

    def nodes(self) -> Collection[str]:
        """Return the nodes that Ray takes for alive."""
        return [node["NodeID"] for node in self._alive()]

    def ask(self, node: str, pids: Sequence[int]) -> Any:
        """Ask who looks on a node for a look at it and at workers there; return what will tell."""
        try:
            lookout = self._lookout(node)
            return node, lookout, lookout.look.remote(tuple(pids))  # who is asked lives until he answers
        except Exception:
            _log.debug("Nobody could be asked on node %s.", node, exc_info=True)
            return None

    def told(self, asked: Any) -> Sequence[str] | None:
        """Return what was seen; None as long as nothing is said, and nothing where there is nobody to say it."""
        if asked is None:
            return ()
        node, lookout, answer = asked
        try:
            return list(self._ray.get(answer)) if self._ray.wait([answer], timeout=0)[0] else None
        except Exception:
            _log.debug("Nobody answered on node %s.", node, exc_info=True)
            if self._lookouts.get(node) is lookout:
                del self._lookouts[node]
            return ()

    def replace(self, node: str) -> None:
        """Let somebody else be asked on a node from now on."""
        self._lookouts.pop(node, None)

    def is_over(self, node: str) -> bool:
        """Say whether a node has ended: Ray says so, or nobody listens any more where it listened."""
        known = next((each for each in self._alive() if each["NodeID"] == node), None)
        if known is None:
            return True
        try:
            socket.create_connection((known["NodeManagerAddress"], known["NodeManagerPort"]), _KNOCK_SECONDS).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return False

    def end(self, place: Place) -> None:
        """End a worker that was given up, even one that listens to nothing."""
        with _said_aside("A worker could not be ended."):
            self._lookout(place.node).end.remote(place.pid)

    def _lookout(self, node: str) -> Any:
        if node not in self._lookouts:
            strategies = importlib.import_module("ray.util.scheduling_strategies")
            there = strategies.NodeAffinitySchedulingStrategy(node, soft=False)
            of = self._ray.remote(Lookout).options(num_cpus=0, scheduling_strategy=there)
            self._lookouts[node] = of.remote()
        return self._lookouts[node]

    def lost(self) -> tuple[type[BaseException], ...]:
        """Return the errors that mean a lost worker or node."""
        known = self._ray.exceptions
        return (known.WorkerCrashedError, known.NodeDiedError, known.ObjectLostError, known.OutOfMemoryError,
                known.LocalRayletDiedError)  # fmt: skip

    def _alive(self) -> list[Mapping[str, Any]]:
        at, found = self._nodes
        if time.monotonic() - at > _NODES_SECONDS:
            found = [node for node in self._ray.nodes() if node["Alive"]]
            self._nodes = (time.monotonic(), found)
        return found

    def _set_own_token(self) -> None:
        os.environ["RAY_AUTH_MODE"] = "token"
        if not os.environ.get("RAY_AUTH_TOKEN"):
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


@contextmanager
def _said_aside(what: str) -> Iterator[None]:
    """Go on when Ray fails at what is done as far as it can be; the log has it for who looks for it."""
    try:
        yield
    except Exception:
        _log.debug(what, exc_info=True)


def _imported() -> Any:
    try:
        ray = importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise UsageError(
            "Steps on a cluster need Ray, which is not installed.", "Install it: pip install 'kaizenml[ray]'"
        ) from error
    raylet = importlib.import_module("ray._raylet")
    raylet.Config.initialize("")  # where it was imported before, it has read another mode
    raylet.AuthenticationTokenLoader.instance().reset_cache()
    return ray


def _resources(task: Task) -> dict[str, float]:
    options = task.options
    wanted = {"CPU": float(options.cpus)}
    if options.gpus:
        wanted["GPU"] = float(options.gpus)
    if options.memory_bytes:
        wanted["memory"] = float(options.memory_bytes)
    return wanted


def _said(name: str, amount: float) -> str:
    return f"{amount / 1e9:.1f} GB of memory" if name == "memory" else f"{amount:g} {name}s"
