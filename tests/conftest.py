"""What all tests share: real servers; under KAIZEN_TEST_REQUIRE=all, what skips for want of something fails."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from postgres_server import PostgresServer, postgres_server
from s3_server import LOGIN, S3Server, s3_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this process's tests; each takes databases of its own in it."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3_started() -> Iterator[S3Server]:
    """An S3 server of this process's tests; each takes a place of its own in it."""
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_started: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, with what lets this process and its children in."""
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    return s3_started


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("KAIZEN_TEST_REQUIRE") == "all" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped, and KAIZEN_TEST_REQUIRE=all: {call.excinfo and call.excinfo.value}"
        )
    return report
