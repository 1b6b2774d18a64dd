import base64
import hashlib
import io
import json
import sys
import time
import zipfile
from email.parser import BytesParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml import _version
from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.core.signature import Answer, GoldenRows, Signature
from kaizenml.errors import IntegrityError, NotFoundError, RowError, UnsafeArtefactError, UsageError
from kaizenml.packaging.bundle import Bundle, Manifest, pack
from kaizenml.packaging.command import predicted, run, selftest
from kaizenml.packaging.installed import package_wheel_of
from kaizenml.packaging.wheel import build_wheel, package_name

SIGNATURE = Signature(Task.BINARY, "late", (Column("hour", ColumnKind.INTEGER),), ("no", "yes"), id="flight")
GOLDEN = GoldenRows(({"hour": 1},), (Answer("no", (0.9, 0.1)),))
MANIFEST = Manifest("0.1.0", "3.11.7", "skops", {"numpy": "2.4.6", "scikit-learn": "1.9.1"})
BUNDLE = pack(Bundle(MANIFEST, b"model", SIGNATURE, GOLDEN))
HOSTILE = [
    "",
    "..",
    "a/b",
    "a\nb",
    'a"b',
    "a'b",
    "$(id)",
    "`id`",
    "a;b",
    "A",
    "1a",
    "a b",
    "a.b",
    "é",
    "a\x00",
    "-a",
    "a" * 64,
]


class Stub:
    """A model that says how many letters the hour has."""

    signature = SIGNATURE

    def answer(self, rows):
        if any(row["hour"] == "x" for row in rows):
            raise RowError("rows[0]: column 'hour': 'x' cannot be read as integer.", "", {"rows": []})
        share = [len(str(row["hour"])) / 10 for row in rows]
        return tuple(Answer("yes" if p > 0.5 else "no", (1 - p, p)) for p in share)


def members_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_wheel_is_the_same_bytes_every_time_and_quickly_made():
    started = time.perf_counter()
    once = build_wheel("flights", "3.0.0", BUNDLE, "# Flights")

    assert time.perf_counter() - started < 1
    assert build_wheel("flights", "3.0.0", BUNDLE, "# Flights") == once
    assert once[0] == "flights_model-3.0.0-py3-none-any.whl"


def test_the_record_holds_the_digest_of_every_member():
    members = members_of(build_wheel("flights", "3.0.0", BUNDLE, "")[1])
    record = members.pop("flights_model-3.0.0.dist-info/RECORD").decode().splitlines()

    rows = {path: (digest, size) for path, digest, size in (line.split(",") for line in record)}
    assert rows.pop("flights_model-3.0.0.dist-info/RECORD") == ("", "")
    for path, content in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert rows.pop(path) == (f"sha256={digest}", str(len(content)))
    assert rows == {}


def test_the_metadata_pins_what_the_bundle_needs():
    members = members_of(build_wheel("my-flights", "3.0.0", BUNDLE, "# Card\n\nName: evil")[1])
    metadata = BytesParser().parsebytes(members["my_flights_model-3.0.0.dist-info/METADATA"])

    assert metadata["Name"] == "my-flights-model"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Requires-Dist") == [
        f"kaizenml[serve]=={_version.__version__}",
        "numpy==2.4.6",
        "scikit-learn==1.9.1",
    ]
    assert metadata.get_payload() == "# Card\n\nName: evil"
    scripts = members["my_flights_model-3.0.0.dist-info/entry_points.txt"].decode()
    assert "my-flights-predict = my_flights_model.__main__:main" in scripts


def test_the_package_carries_the_bundle_and_valid_python():
    members = members_of(build_wheel("flights", "3.0.0", BUNDLE, "")[1])

    assert members["flights_model/data/bundle.zip"] == BUNDLE
    for name in ("__init__.py", "__main__.py"):
        compile(members[f"flights_model/{name}"], name, "exec")


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_name_makes_no_wheel(name):
    with pytest.raises(UsageError):
        build_wheel(name, "1.0.0", BUNDLE, "")


@pytest.mark.parametrize("version", ["", "1\n", "1.0; evil", "v1", "1..0", "$(id)", "1.0+local", "../1", '1"', "١.٠"])
def test_what_is_no_version_makes_no_wheel(version):
    with pytest.raises(UsageError):
        build_wheel("flights", version, BUNDLE, "")


@pytest.mark.parametrize(
    "pins",
    [
        {"numpy\nEvil": "1"},
        {"numpy @ https://evil": "1"},
        {"-r x": "1"},
        {"numpy": "1\nEvil: x"},
        {"numpy": ">=1"},
        {"numpy": ""},
    ],
)
def test_what_is_no_requirement_makes_no_wheel(pins):
    with pytest.raises(UsageError):
        build_wheel("flights", "1.0.0", BUNDLE, "", pins)


@given(st.text(max_size=12))
@settings(deadline=None)
def test_no_name_whatsoever_reaches_the_code_unless_it_is_one(name):
    try:
        file, content = build_wheel(name, "1.0.0", BUNDLE, "")
    except UsageError:
        return
    package = package_name(name)
    assert package.isidentifier()
    assert file == f"{package}-1.0.0-py3-none-any.whl"
    assert all(path.startswith(package) for path in members_of(content))


def test_what_is_no_bundle_makes_no_wheel():
    with pytest.raises(UnsafeArtefactError):
        build_wheel("flights", "1.0.0", b"PK", "")


def test_predictions_are_json():
    found = predicted(Stub(), [{"hour": 12}])

    assert json.loads(json.dumps(found)) == [{"value": "no", "probabilities": {"no": 0.8, "yes": 0.2}}]


def test_the_self_test_says_how_far_the_answers_are_apart():
    result = selftest("flights", "1.0.0", BUNDLE, Stub)

    assert result["passed"]
    assert result["rows"] == 1
    assert result["worst"] == 0.0


def test_a_self_test_that_fails_is_one_line_of_json_and_an_exit_code(capsys):
    def refuse():
        raise IntegrityError("It answers differently.", "Look.")

    code = run("flights", "1.0.0", lambda: BUNDLE, refuse, ["--selftest"])

    assert code == 1
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "It answers differently."


def test_a_table_is_answered_row_by_row(tmp_path):
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text("flight,hour,other\na,1,x\nb,1234567,y\n", encoding="utf-8")

    code = run("flights", "1.0.0", lambda: BUNDLE, Stub, [str(table), "--out", str(out)])

    assert code == 0
    assert (
        out.read_text()
        == "flight,prediction,probability_no,probability_yes\na,no,0.9,0.1\nb,yes,0.30000000000000004,0.7\n"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [("flight\na\n", "no column 'hour'"), ("flight,hour\na,x\n", "cannot be read as integer"), (None, "No such")],
)
def test_a_table_that_cannot_be_answered_leaves_no_file(tmp_path, capsys, text, reason):
    table = tmp_path / "in.csv"
    if text is not None:
        table.write_text(text, encoding="utf-8")

    code = run("flights", "1.0.0", lambda: BUNDLE, Stub, [str(table), "--out", str(tmp_path / "out.csv")])

    assert code != 0
    assert reason in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} <= {"in.csv"}


def test_kaizenml_itself_becomes_a_wheel_with_its_data_files():
    file, content = package_wheel_of("kaizenml")
    members = members_of(content)

    assert file == f"kaizenml-{_version.__version__}-py3-none-any.whl"
    assert "kaizenml/packaging/wheel.py" in members
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in members)
    assert package_wheel_of("kaizenml")[1] == content


def test_an_installed_pure_distribution_becomes_a_wheel():
    file, content = package_wheel_of("sortedcontainers")
    members = members_of(content)

    assert file.startswith("sortedcontainers-")
    assert members["sortedcontainers/__init__.py"]


def test_a_compiled_distribution_becomes_no_wheel():
    with pytest.raises(UsageError, match="compiled"):
        package_wheel_of("numpy")


def test_a_distribution_that_is_not_installed_is_named_with_the_closest():
    with pytest.raises(NotFoundError, match="scikit-learn"):
        package_wheel_of("scikit-lern")


def test_the_wheel_answers_when_it_is_imported(tmp_path, monkeypatch):
    (tmp_path / "w.whl").write_bytes(build_wheel("stand-in", "1.0.0", BUNDLE, "")[1])
    monkeypatch.syspath_prepend(str(tmp_path / "w.whl"))
    monkeypatch.delitem(sys.modules, "stand_in_model", raising=False)

    import stand_in_model

    assert stand_in_model.__version__ == "1.0.0"
    assert stand_in_model.bundle() == BUNDLE
