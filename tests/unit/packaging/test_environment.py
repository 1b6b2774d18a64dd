import importlib.metadata
import os
import platform
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kaizenml.errors import WrongEnvironmentError
from kaizenml.packaging.environment import canonical_name, captured, check, needed
from kaizenml.packaging.formats import save_model
from kaizenml.packaging.imports import imported, owners


@pytest.fixture(scope="module")
def model():
    rows = np.arange(20.0).reshape(10, 2)
    return save_model(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, np.arange(10) % 2))[1]


def test_the_captured_environment_names_interpreter_machine_and_distributions():
    found = captured()

    assert found.python == platform.python_version()
    assert found.packages["scikit-learn"].startswith("1.9")
    assert found.cpus >= 1
    assert found.memory_bytes > 1 << 28


def test_every_installed_distribution_is_captured_as_the_interpreter_knows_it():
    known = {canonical_name(each.name): each.version for each in importlib.metadata.distributions()}

    assert captured().packages == known
    assert list(captured().packages) == sorted(known)


def test_a_distribution_whose_facts_lie_elsewhere_is_captured_too(tmp_path, monkeypatch):
    (tmp_path / "Odd_Tool.egg-info").mkdir()
    (tmp_path / "Odd_Tool.egg-info" / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: Odd.Tool\nVersion: 3.1\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert captured().packages["odd-tool"] == "3.1"


def test_of_a_distribution_that_lies_in_two_places_the_first_counts_and_a_new_one_is_seen(tmp_path, monkeypatch):
    def install(place, version):
        facts = tmp_path / place / f"twice-{version}.dist-info"
        facts.mkdir(parents=True)
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: twice\nVersion: {version}\n")
        monkeypatch.syspath_prepend(tmp_path / place)

    install("behind", "1.0")
    assert captured().packages["twice"] == "1.0"
    install("before", "0.9")
    assert captured().packages["twice"] == "0.9" == importlib.metadata.version("twice")

    os.utime(tmp_path / "before", ns=(1, 1))  # so that the change is seen on clocks that are coarse
    (tmp_path / "before" / "new-2.0.dist-info").mkdir()
    (tmp_path / "before" / "new-2.0.dist-info" / "METADATA").write_text("Name: new\nVersion: 2.0\n")
    assert captured().packages["new"] == "2.0"


def test_a_plain_pipeline_needs_its_library_the_format_and_the_runtime(model):
    assert set(needed(model, {}, captured())) == {"msgspec", "numpy", "polars", "scikit-learn", "skops"}


def test_imports_of_the_projects_code_are_needed_wherever_they_stand(model):
    code = {
        "features.py": b"import os, helper.text\ndef f():\n    from dateutil.parser import parse\n    import yaml\n",
        "helper/text.py": b"from rapidfuzz import fuzz\nfrom . import other\nimport kaizenml as kz\n",
    }

    assert {"python-dateutil", "pyyaml", "rapidfuzz"} == set(needed(model, code, captured())) - set(
        needed(model, {}, captured())
    )


def test_a_missing_import_is_named_with_its_file(model):
    with pytest.raises(WrongEnvironmentError, match=r"features\.py imports no_such_thing"):
        needed(model, {"features.py": b"import no_such_thing"}, captured())


def test_an_optional_import_that_is_missing_is_not_needed(model):
    code = {"features.py": b"try:\n    import no_such_thing\nexcept ImportError:\n    no_such_thing = None\n"}

    assert needed(model, code, captured()) == needed(model, {}, captured())


def test_an_import_for_type_checkers_alone_is_no_import():
    source = b"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\nelse:\n    import yaml\n"

    assert imported(source, "x.py") == {"typing.TYPE_CHECKING": False, "yaml": False}


def test_code_that_is_no_python_is_named(model):
    with pytest.raises(WrongEnvironmentError, match=r"features\.py cannot be read"):
        needed(model, {"features.py": b"def ("}, captured())


def test_labels_of_local_builds_are_dropped(model):
    here = captured()
    local = replace(here, packages={**here.packages, "numpy": "2.4.6+cpu"})

    assert needed(model, {}, local)["numpy"] == "2.4.6"


def test_a_module_is_found_by_the_files_of_its_distribution():
    assert owners("dateutil.parser") == {"python-dateutil"}
    assert owners("google.cloud.nothing") == frozenset()


def test_the_environment_of_the_model_passes(model):
    check(needed(model, {}, captured()), captured())


@pytest.mark.parametrize(
    ("name", "wanted", "found", "passes"),
    [
        ("scikit-learn", "1.9.1", "1.9.0", True),
        ("scikit-learn", "1.9.1", "1.8.0", False),
        ("numpy", "2.4.6", "2.5.0", False),
        ("rich", "15.0.0", "15.2.0", True),
        ("rich", "15.0.0", "16.0.0", False),
        ("msgspec", "0.22.0", "0.22.1", True),
        ("msgspec", "0.22.0", "0.23.0", False),
        ("numpy", "2.4.6", None, False),
        ("torch", "2.9.0+cpu", "2.9.1", True),
    ],
)
def test_versions_agree_by_policy(name, wanted, found, passes):
    here = replace(captured(), packages={name: found} if found else {})

    if passes:
        check({name: wanted}, here)
        return
    with pytest.raises(WrongEnvironmentError) as caught:
        check({name: wanted}, here)
    assert name in caught.value.message
    assert wanted in caught.value.message
    assert f"{name}=={wanted}" in caught.value.hint
