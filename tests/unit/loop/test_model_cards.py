"""A model card says what is recorded of a version at the moment, and changes with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from answered_shop import NOW, answered_shop, copied

from kaizenml.core.alert import Alert, AlertState, fingerprint
from kaizenml.core.digest import digest_of
from kaizenml.core.finding import Finding, Severity
from kaizenml.core.run import Code, Environment, Run, RunState
from kaizenml.errors import NotFoundError
from kaizenml.loop import aliases, models, releasing
from kaizenml.loop.model_cards import card_of
from kaizenml.loop.wiring import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return copied(answered_shop(), tmp_path / "shop")


def card(house: House, model: str = "shop", number: int = 1) -> str:
    with house.records.reading() as books:
        return card_of(books, house, model, number)


def section(text: str, title: str) -> str:
    """Return what stands under a heading, or nothing."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_a_card_says_what_a_version_was_made_from_and_how_good_it_is(house: House) -> None:
    with house.records.reading() as books:
        version, run = books.models.get("shop:1"), books.runs.get("run-1")
    text = card(house)

    assert text.startswith("# shop:1\n")
    made = section(text, "Made from")
    assert "run: run-1" in made
    assert "snapshot: shop@1" in made
    assert f"rows: {version.rows:,}" in made
    assert version.bundle in made
    signature = section(text, "Signature")
    assert [column.name in signature for column in version.signature.inputs] == [True] * len(version.signature.inputs)
    assert version.signature.target in signature
    quality = section(text, "Quality on test rows")
    for name, each in version.metrics.items():
        said = name.replace("_", "\\_")
        assert f"| the model | {said} | {each.value:.4g} | {each.low:.4g} to {each.high:.4g} |" in quality
    assert all(f"baseline {who}" in quality for who in run.baselines)
    assert "slices were searched" in section(text, "Slices")
    assert "passed beats\\_baselines(roc\\_auc)" in section(text, "Gate and decisions")
    assert "serves at endpoint shop" in section(text, "In service")


def test_a_card_follows_the_evidence(house: House) -> None:
    before = card(house)
    assert "approved by" not in before
    assert "aliases" not in before
    assert "drifted" not in before

    releasing.approve(house, "shop/1", "person:eve", because="it is better")
    finding = Finding("drift", "amount", "psi", 0.3, 0.2, 0.4, 0.1, True, NOW, NOW, Severity.WARNING, "amount drifted")
    id_ = fingerprint("shop", "drift", "amount")
    alert = Alert(id_, "shop", "drift", "amount", Severity.WARNING, AlertState.FIRING, NOW, NOW, NOW, 3, 0, finding)
    with house.records.writing() as books:
        aliases.move(books, house, "shop", "best", 1, "person:eve")
        models.describe_version(
            books, NOW, models.get_version(books, "shop", 1), "who | buys <b>again</b>\nand # again"
        )
        books.alerts.save(alert)
        for day, release in ((1, "shop/1"), (2, "shop/1"), (3, "shop/9")):
            window = {"release": release, "end": f"2026-03-0{day}", "rows": 1000 + day, "metrics": {"roc_auc": 0.7}}
            books.notes.put("window", f"shop/2026-03-0{day}T00:00:00", window)
    after = card(house)

    assert "approved by person:eve" in after
    assert "it is better" in after
    assert "aliases: best" in after
    assert "who \\| buys \\<b\\>again\\</b\\> and \\# again" in after
    live = section(after, "In service")
    assert "- firing, warning: amount drifted" in live
    assert live.index("1,002") < live.index("1,001")
    assert "1,003" not in live

    with house.records.writing() as books:
        aliases.move(books, house, "shop", "best", None, "person:eve")
        books.alerts.forget(id_)
        books.endpoints.save(replace(books.endpoints.get("shop"), champion="shop/9", generation=2), seen=1)
    later = card(house)
    assert "aliases" not in later
    assert section(later, "In service") == ""


def test_of_what_was_registered_by_hand_the_card_says_what_is_known(house: House) -> None:
    code, environment = Code(digest_of("x"), "abc123", is_dirty=True), Environment("3.11", "linux", {}, 2, 2**30)
    run = Run("run-9", "shop", RunState.FINISHED, NOW, code, environment, finished_at=NOW, parameters={"depth": 3})
    with house.records.writing() as books:
        books.runs.save(run)
        models.register_run(books, NOW, "churn", "run-9", "person:ada", tags={"team": "blue"})
    text = card(house, "churn")

    assert "registered: 2026-03-01 12:00:00+00:00 by person:ada" in text
    assert "tags: team=blue" in text
    assert "commit: abc123 and changes that were not committed" in text
    assert "parameters: depth=3" in text
    assert [each in text for each in ("## Signature", "## Slices", "## In service")] == [False] * 3


def test_a_version_that_nobody_knows_has_no_card(house: House) -> None:
    with pytest.raises(NotFoundError, match="shop:9"):
        card(house, "shop", 9)
