"""A new project, from a person's own data: read the file, say what was found, write code that the person owns."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from string import Template
from tempfile import mkdtemp

from kaizenml.core.metric import PRIMARY, Task
from kaizenml.core.names import suggested_name
from kaizenml.data.infer import Inferred, infer_table
from kaizenml.data.ingest import read_file
from kaizenml.errors import UsageError

_PROJECT = Template('''"""Predict `$target` ($task) from $file."""

import kaizenml as kz
import polars as pl

project = kz.Project(
    "$name",
    source=kz.files("data/*$suffix"),
    target="$target",$roles
)


@project.step
def features(rows: pl.DataFrame) -> pl.DataFrame:
    """Add columns for the model, in training and at serving: each row by itself, never by its neighbours."""
$features


project.gate(kz.beats_baselines("$metric"), kz.beats_champion("$metric"))
project.serve(canary=(5, 25, 100), approval="policy")
project.monitor(kz.drift(), kz.performance("$metric", drop=0.05)$staleness, kz.every("1h"))
''')
_TIMES = """    times = [name for name, kind in rows.schema.items() if kind.is_temporal()]
    return rows.with_columns(
        part
        for name in times
        for part in (
            pl.col(name).dt.hour().alias(f"{name}_hour"),
            pl.col(name).dt.weekday().alias(f"{name}_weekday"),
            pl.col(name).dt.month().alias(f"{name}_month"),
        )
    )"""
_NOTHING = '    return rows  # such as rows.with_columns(ratio=pl.col("a") / pl.col("b"))'
_TEST = Template('''"""The project's own tests: a step is a plain function."""

import polars as pl
from project import features, project


def test_the_project_predicts_what_it_should():
    assert project.target == "$target"


def test_features_look_at_one_row_at_a_time():
    rows = pl.DataFrame({"x": [1.0, 2.0, 3.0]})

    one_by_one = pl.concat([features(rows[i : i + 1]) for i in range(len(rows))])

    assert one_by_one.equals(features(rows))
''')
_SETTINGS = """# Settings of this project. Environment variables (KAIZEN_PORT=…) come after these, flags last.
port = 8400
predict_port = 8401
"""


@dataclass(frozen=True, slots=True)
class Created:
    """A project that was written, and what was found in its data."""

    name: str
    folder: Path
    rows: int
    columns: int
    inferred: Inferred


def create(folder: Path, file: Path, *, target: str, id: str | None, time: str | None) -> Created:  # noqa: A002
    """Write a project around a data file; all of it or nothing.

    Raises
    ------
    UsageError
        When the folder is taken, the file cannot be read, or the target cannot be learned.
    """
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise UsageError(f"{folder} is there already and not empty.", "Name a new folder.")
    raw = read_file(file)
    inferred = infer_table(raw, target=target, id=id, time=time)
    name = suggested_name(folder.resolve().name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(draft, name, file, inferred)
        draft.chmod(0o755)
        draft.replace(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Created(name, folder, len(raw), raw.width, inferred)


def _write(folder: Path, name: str, file: Path, inferred: Inferred) -> None:
    (folder / "data").mkdir()
    shutil.copyfile(file, folder / "data" / file.name)
    (folder / "project.py").write_text(project_text(name, file.name, inferred), "utf-8")
    (folder / "kaizen.toml").write_text(_SETTINGS, "utf-8")
    (folder / ".gitignore").write_text(".kaizen/\n__pycache__/\n", "utf-8")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_project.py").write_text(_TEST.substitute(target=_quoted(inferred.target)), "utf-8")
    (folder / "tests" / "conftest.py").write_text(
        '"""Let the tests import the project."""\n\nimport sys\nfrom pathlib import Path\n\n'
        "sys.path.insert(0, str(Path(__file__).parent.parent))\n",
        "utf-8",
    )


def project_text(name: str, file: str, inferred: Inferred) -> str:
    """Return the `project.py` of a project."""
    has_times = any(column.kind == "time" for column in inferred.plan.columns)
    return _PROJECT.substitute(
        name=name,
        file=file.replace("\\", "\\\\").replace('"', "'"),
        suffix="".join(Path(file).suffixes[-2:]) if file.endswith((".gz", ".zst")) else Path(file).suffix,
        target=_quoted(inferred.target),
        task=inferred.task,
        roles=_roles(inferred),
        features=_TIMES if has_times else _NOTHING,
        metric=PRIMARY[inferred.task] if inferred.task is not Task.BINARY else "roc_auc",
        staleness=", kz.staleness(days=30)" if inferred.time else "",
    )


def _roles(inferred: Inferred) -> str:
    lines = [
        f'\n    {role}="{_quoted(column)}",'
        for role, column in (("id", inferred.id), ("time", inferred.time))
        if column
    ]
    if inferred.ignored:
        lines.append("\n    ignore=(")
        lines += [
            f'\n        "{_quoted(each.column)}",  # {each.reason.splitlines()[0][:80]}' for each in inferred.ignored
        ]
        lines.append("\n    ),")
    return "".join(lines)


def _quoted(text: str) -> str:
    """Return text as it may stand between double quotes in Python."""
    if text.isprintable() and not set(text) & {'"', "\\"}:
        return text
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
