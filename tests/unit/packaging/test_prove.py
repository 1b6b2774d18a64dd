import json

import pytest

from kaizenml.errors import StepFailedError, WrongEnvironmentError
from kaizenml.packaging import prove as proving
from kaizenml.packaging.prove import prove, tail
from kaizenml.packaging.wheel import WHEEL, wheel_of


def stand_in(folder, main, requires=""):
    """Write a wheel of a model that does nothing but print."""
    info = "tiny_model-1.0.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0.0\n{requires}"
    members = {
        "tiny_model/__init__.py": b"",
        "tiny_model/__main__.py": main.encode(),
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": WHEEL.encode(),
    }
    path = folder / "tiny_model-1.0.0-py3-none-any.whl"
    path.write_bytes(wheel_of(members, info))
    return path


def printing(**result):
    checked = "import sys\nassert sys.argv[1:] == ['--selftest']\n"
    return f"{checked}print({json.dumps(result)!r})\nsys.exit({int(not result['passed'])})"


def test_a_wheel_that_answers_as_before_is_proved(tmp_path):
    wheel = stand_in(
        tmp_path, printing(passed=True, rows=3, worst=0.0, python="3.11.7", packages={"numpy": "2", "x": None})
    )

    proof = prove([wheel], "tiny")

    assert (proof.rows, proof.worst, proof.packages) == (3, 0.0, {"numpy": "2"})
    assert proof.seconds >= proof.install_seconds > 0


def test_without_uv_pip_proves_too(tmp_path, monkeypatch):
    wheel = stand_in(tmp_path, printing(passed=True, rows=1, worst=0.0))
    monkeypatch.setattr(proving, "find_uv", lambda: None)

    assert prove([wheel], "tiny").installer == "pip"


def test_a_wheel_that_answers_otherwise_is_not_proved(tmp_path):
    wheel = stand_in(tmp_path, printing(passed=False, rows=3, worst=0.5, tolerance=1e-6))

    with pytest.raises(StepFailedError, match=r"by 0\.5, where 1e-06"):
        prove([wheel], "tiny")


def test_a_wheel_that_crashes_shows_the_end_of_what_it_said(tmp_path):
    wheel = stand_in(tmp_path, "raise RuntimeError('boom')")

    with pytest.raises(StepFailedError, match="boom"):
        prove([wheel], "tiny")


def test_a_wheel_whose_libraries_are_missing_is_not_proved(tmp_path):
    wheel = stand_in(tmp_path, "", "Requires-Dist: packaging==0.0.0.dev999\n")

    with pytest.raises(WrongEnvironmentError, match="packaging"):
        prove([wheel], "tiny")


def test_a_self_test_that_never_ends_is_ended(tmp_path):
    wheel = stand_in(tmp_path, "import time; time.sleep(60)")

    with pytest.raises(StepFailedError, match="longer than 3 s"):
        prove([wheel], "tiny", timeout_seconds=3)


def test_no_secret_is_shown():
    shown = tail("error at https://user:hunter2@index/simple token=abc123 fine")

    assert "hunter2" not in shown
    assert "abc123" not in shown
    assert "fine" in shown
