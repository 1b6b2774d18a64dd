"""The rules of the house that no linter knows."""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import kaizenml

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
#: Files longer than this are to be parted.
MOST_LINES = 400


def loaded_by(code: str) -> set[str]:
    """Return the top-level names of what a fresh interpreter has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys, json; print('\\n' + json.dumps(sorted(sys.modules)))"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_the_public_names_are_sorted_and_there():
    assert kaizenml.__all__ == sorted(kaizenml.__all__)
    assert all(hasattr(kaizenml, name) for name in kaizenml.__all__)


def test_whatever_names_its_public_names_sorts_them_and_has_them():
    for path in SOURCES:
        if "template" in path.parts or "__all__" not in path.read_text("utf-8"):
            continue
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        module = importlib.import_module(".".join(part for part in parts if part != "__init__"))
        names = getattr(module, "__all__", [])
        assert list(names) == sorted(names), path
        assert all(hasattr(module, name) for name in names), path


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"alembic", "deltalake", "fastapi", "numpy", "scipy", "skops", "sklearn", "sqlalchemy", "uvicorn"}

    assert not loaded_by("import kaizenml") & heavy


def test_help_loads_nothing_heavy():
    heavy = {"deltalake", "fastapi", "numpy", "polars", "rich", "scipy", "skops", "sklearn", "sqlalchemy", "uvicorn"}
    code = "from kaizenml.interfaces.cli.main import kaizen\nkaizen(['--help'], standalone_mode=False)"

    assert not loaded_by(code) & heavy


def test_the_control_plane_needs_neither_numbers_nor_models():
    loaded = loaded_by(
        "import kaizenml.interfaces.http.server, kaizenml.loop.service, kaizenml.loop.controller,"
        " kaizenml.interfaces.cli.processes, kaizenml.adapters.sql, kaizenml.adapters.tables"
    )

    assert loaded & {"numpy", "scipy", "sklearn", "skops", "joblib", "rapidfuzz"} == set()


def test_every_module_says_what_it_is():
    silent = [
        str(path.relative_to(ROOT)) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]

    assert [path for path in silent if "template" not in path] == []


def test_no_module_grows_long():
    long = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in SOURCES}

    assert {path: lines for path, lines in long.items() if lines > MOST_LINES} == {}


def test_lock_files_name_no_address():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text("utf-8")
        assert "://" not in text, path
        assert "--index-url" not in text, path


def test_the_lock_has_a_hash_for_every_requirement():
    text = (ROOT / "requirements" / "dev.txt").read_text("utf-8").replace("\\\n", " ")
    requirements = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]

    assert requirements
    assert [line for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []


def read_kinds(tree):
    """Return the classes that msgspec is asked to read values as within functions, and those that it knows by then."""
    asked, known, inside = set(), set(), set()
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for node in (each for function in functions for each in ast.walk(function)):
        inside.add(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("msgspec.convert", "msgspec.json.decode"):
            kinds = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "type")]
            asked |= {each.id for kind in kinds for each in ast.walk(kind) if isinstance(each, ast.Name)}
    for node in ast.walk(tree):
        if node not in inside and isinstance(node, ast.Call) and ast.unparse(node.func) == "msgspec.json.Decoder":
            known |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return {name for name in asked if name.strip("_")[:1].isupper()} - {"Any"}, known


def test_how_a_class_is_read_is_known_before_threads_ask():
    """msgspec crashes the process when two threads ask it at once, for the first time, how a class is read."""
    late = {}
    for path in SOURCES:
        asked, known = read_kinds(ast.parse(path.read_text("utf-8")))
        if asked - known and "cli" not in path.parts:
            late[path.relative_to(ROOT / "src").as_posix()] = sorted(asked - known)

    assert late == {}
