"""The command line within this process, and what it printed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars  # noqa: F401  a process that has loaded it is not copied for a run: tests must not go on in a copy
import pytest

from kaizenml.interfaces.cli.main import main


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        return self._line("Error")

    @property
    def hint(self) -> str:
        return self._line("Hint")

    def _line(self, word: str) -> str:
        found = re.search(f"^{word}: (.*)$", self.err, re.MULTILINE)
        return found[1] if found else ""


Kaizen = Callable[..., Said]


def caller(capsys: pytest.CaptureFixture[str]) -> Kaizen:
    def call(*words: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        printed = capsys.readouterr()
        return Said(int(left.value.code or 0), printed.out, printed.err)

    return call


def table(rows: int = 100, *, target: Callable[[int], object] = lambda i: "yes" if i % 3 else "no") -> str:
    rng = random.Random(1)
    lines = [f"{i},{rng.random():.4f},{rng.choice('abc')},{target(i)}" for i in range(rows)]
    return "\n".join(["id,amount,kind,churned", *lines]) + "\n"


def project(folder: Path, code: str) -> Path:
    """Write a project of one file, with data, by hand."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "t.csv").write_text(table(120, target=lambda i: "yes" if i % 3 else "no"))
    head = "import kaizenml as kz\nimport polars as pl\nfrom sklearn.linear_model import LogisticRegression\n"
    declared = 'project = kz.Project("shop", source=kz.files("data/*.csv"), target="churned", id="id")\n'
    (folder / "project.py").write_text(head + declared + code)
    return folder
