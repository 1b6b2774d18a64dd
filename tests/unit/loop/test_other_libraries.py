"""Models of LightGBM, XGBoost and PyTorch go through a whole run, and come back from the release as they were."""

from __future__ import annotations

import random

import pytest
from loop_projects import house, run_in

from kaizenml.core.run import RunState
from kaizenml.loop.scoring import load_bundle
from kaizenml.packaging.archive import read_archive
from kaizenml.packaging.bundle import unpack

HEAD = """import kaizenml as kz
{imports}

project = kz.Project("shop", source=kz.files("data/*.csv"), target="{target}", id="id")


@project.step
def estimator():
    return {estimator}


project.gate(kz.beats_baselines())
"""
ESTIMATORS = {
    "lightgbm": ("from lightgbm import LGBM{0}", "LGBM{0}(n_estimators=20, verbose=-1)"),
    "xgboost": ("from xgboost import XGB{0}", "XGB{0}(n_estimators=20)"),
}


def project(folder, imports, estimator, target):
    (folder / "data").mkdir(parents=True)
    (folder / "make_data.py").write_text("import rapidfuzz\n")  # no part of what serves
    draw = random.Random(2)
    lines = ["id,amount,visits,town,churned,kind,spent"]
    for number in range(400):
        amount, visits, town = draw.uniform(0, 1), draw.randrange(20), draw.choice(("Graz", "Linz", "Wien"))
        score = amount + visits / 40 + (town == "Wien") * 0.3
        lines.append(
            f"{number},{amount:.4f},{visits if draw.random() > 0.1 else ''},{town},"
            f"{'yes' if score > 0.85 else 'no'},{'abc'[int(score > 0.6) + int(score > 1)]},{score * 100:.2f}"
        )
    (folder / "data" / "t.csv").write_text("\n".join(lines) + "\n")
    others = [name for name in ("churned", "kind", "spent") if name != target]
    text = HEAD.format(imports=imports, estimator=estimator, target=target)
    (folder / "project.py").write_text(text.replace('id="id")', f'id="id", ignore={tuple(others)!r})'))
    return folder


@pytest.mark.parametrize("target", ["churned", "kind", "spent"])
@pytest.mark.parametrize("library", ESTIMATORS)
def test_a_run_makes_a_release_that_answers_its_golden_rows(tmp_path, library, target):
    pytest.importorskip(library, reason=f"kaizenml[{library}] is not installed")
    kind = "Regressor" if target == "spent" else "Classifier"
    imports, estimator = (text.format(kind) for text in ESTIMATORS[library])
    folder = project(tmp_path / "shop", imports, estimator, target)

    ended = run_in(folder)

    assert ended.state is RunState.FINISHED, ended.verdict
    with house(folder).records.reading() as books:
        content = house(folder).blobs.get(books.models.newest("shop")[0].bundle)
    manifest = unpack(content).manifest
    assert manifest.model_format == "mixed"
    assert any(name.startswith(library) for name in manifest.needs)
    assert "rapidfuzz" not in manifest.needs
    assert load_bundle(content).answer(unpack(content).golden.rows) == unpack(content).golden.answers


NETWORK = """import kaizenml as kz
from torch import nn

project = kz.Project("shop", source=kz.files("data/*.csv"), target="{target}", id="id", ignore={ignore})


class Small(nn.Module):
    def __init__(self, inputs, outputs, width=16):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.Linear(width, outputs)

    def forward(self, rows):
        return self.last(self.norm(self.first(rows)).relu())


@project.step
def estimator(width: int = 16):
    return kz.torch(Small, width=width, epochs=12, learning_rate=0.01)


project.gate(kz.beats_baselines())
"""


@pytest.mark.parametrize("target", ["churned", "kind", "spent"])
def test_a_network_of_the_project_travels_as_names_and_numbers(tmp_path, target):
    pytest.importorskip("torch", reason="kaizenml[torch] is not installed")
    folder = project(tmp_path / "shop", "", "None", target)
    others = tuple(name for name in ("churned", "kind", "spent") if name != target)
    (folder / "project.py").write_text(NETWORK.format(target=target, ignore=others))

    ended = run_in(folder)

    assert ended.state is RunState.FINISHED, ended.verdict
    with house(folder).records.reading() as books:
        content = house(folder).blobs.get(books.models.newest("shop")[0].bundle)
    bundle = unpack(content)
    members = read_archive(bundle.model)
    assert set(members) == {"rest.skops", "0.weights.safetensors", "1.own.json"}
    assert members["1.own.json"] == b'{"name": "project:Small", "settings": {"width": 16}}'
    assert "torch" in bundle.manifest.needs
    assert load_bundle(content).answer(bundle.golden.rows) == bundle.golden.answers
