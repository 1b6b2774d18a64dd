"""What all tests share: a database server; under KAIZEN_TEST_REQUIRE=all, what skips for want of something fails."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from postgres_server import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this process's tests; each takes databases of its own in it."""
    with postgres_server() as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("KAIZEN_TEST_REQUIRE") == "all" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped, and KAIZEN_TEST_REQUIRE=all: {call.excinfo and call.excinfo.value}"
        )
    return report
