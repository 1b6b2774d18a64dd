"""A change as JUnit XML, as every CI system reads it: one case for each check, and for each step that ran."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from kaizenml.core.gate import Check
from kaizenml.core.run import StepRun
from kaizenml.core.step import StepState
from kaizenml.loop.ci import Change

#: Characters that XML 1.0 has no way to write.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(change: Change) -> bytes:
    """Return the document."""
    root = ElementTree.Element("testsuites", name=_text(f"kaizen ci {change.project}"))
    _suite(root, "gate", [_check(check) for check in change.checks])
    steps = [_step(step) for step in change.run.steps] if change.run else [_failed(change)]
    _suite(root, "steps", steps)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, 0)) for suite in root)))
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode").encode() + b"\n"


def _suite(root: ElementTree.Element, name: str, cases: list[ElementTree.Element]) -> None:
    def count(tag: str) -> str:
        return str(sum(case.find(tag) is not None for case in cases))

    suite = ElementTree.SubElement(
        root, "testsuite", name=name, tests=str(len(cases)), failures=count("failure"), errors=count("error"),
        skipped=count("skipped"), time=f"{sum(float(case.get('time', 0)) for case in cases):.3f}",
    )  # fmt: skip
    for case in cases:
        case.set("classname", name)
        suite.append(case)


def _check(check: Check) -> ElementTree.Element:
    case = ElementTree.Element("testcase", name=_text(check.name), time="0")
    if check.has_passed:
        ElementTree.SubElement(case, "system-out").text = _text(check.evidence)
    else:
        ElementTree.SubElement(case, "failure", message=_text(check.evidence), type="gate").text = _text(check.evidence)
    return case


def _step(step: StepRun) -> ElementTree.Element:
    case = ElementTree.Element("testcase", name=_text(step.name), time=f"{step.seconds:.3f}")
    if step.state is StepState.CACHED:
        ElementTree.SubElement(case, "skipped", message="its result was kept")
    elif step.why:
        ElementTree.SubElement(case, "system-out").text = _text("\n".join(step.why))
    return case


def _failed(change: Change) -> ElementTree.Element:
    case = ElementTree.Element("testcase", name="run", time="0")
    error = ElementTree.SubElement(case, "error", message=_text(change.error), type="run")
    error.text = _text(f"{change.error}\n{change.hint}".strip())
    return case


def _text(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
