"""A model that only recognises customers looks good on rows of customers that it knows, and not on those of others."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from loop_processes import called

CODE = """import kaizenml as kz

project = kz.Project("till", source=kz.files("t.csv"), target="late", GROUP)
"""


def run_of(folder: Path, group: str, *, code: int) -> Any:
    folder.mkdir()
    rng = random.Random(5)
    customers = [(f"C{at:03d}", rng.random(), rng.choice(["yes", "no"])) for at in range(60)]
    rows = [f"{name},{size:.4f},{late}" for name, size, late in customers for _ in range(12)]
    rng.shuffle(rows)
    (folder / "t.csv").write_text("\n".join(["customer,size,late", *rows]) + "\n")
    (folder / "project.py").write_text(CODE.replace("GROUP", group))
    return called("run", "--project", folder, code=code)


def test_whole_groups_are_set_aside_for_the_test(tmp_path: Path) -> None:
    leaky = run_of(tmp_path / "rows", 'ignore=["customer"]', code=0)
    honest = run_of(tmp_path / "groups", 'group="customer"', code=1)  # its gate sees through it

    assert leaky["metrics"]["roc_auc"]["value"] > 0.95
    assert honest["metrics"]["roc_auc"]["value"] < 0.75
    wide = [said["metrics"]["roc_auc"]["high"] - said["metrics"]["roc_auc"]["low"] for said in (leaky, honest)]
    assert wide[1] > wide[0]


def test_a_group_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = run_of(tmp_path / "typo", 'group="custmer"', code=2)["error"]

    assert "custmer" in said["message"]
    assert "customer" in said["hint"]
