"""What all tests share: under KAIZEN_TEST_REQUIRE=all, a test that skips because something is missing fails."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("KAIZEN_TEST_REQUIRE") == "all" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped, and KAIZEN_TEST_REQUIRE=all: {call.excinfo and call.excinfo.value}"
        )
    return report
