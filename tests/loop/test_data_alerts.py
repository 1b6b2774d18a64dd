"""What is wrong with the data raises alerts, once; broken data hold back retraining until they are mended."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from loop_processes import called

from kaizenml.core.alert import Alert, AlertState, seen
from kaizenml.core.endpoint import Endpoint
from kaizenml.core.event import Kind
from kaizenml.core.finding import Finding, Severity
from kaizenml.core.job import Work
from kaizenml.improvement.trigger import Held, Retrain
from kaizenml.loop import improving
from kaizenml.loop.service import LoopService
from kaizenml.loop.wiring import House, open_house, read_settings

CODE = """import kaizenml as kz
from sklearn.linear_model import LogisticRegression

project = kz.Project("till", source=kz.files("data/*.csv"), target="late", id="id")
project.retrain(cooldown_days=0, min_new_days=0)


@project.step
def estimator():
    return LogisticRegression()
"""
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "project.py").write_text(CODE)
    write(tmp_path, "first", range(150))
    called("run", "--project", tmp_path)
    return tmp_path


def write(folder: Path, name: str, ids: range, *, most: int = 9, header: str = "id,amount,visits,late") -> None:
    rng = random.Random(ids.start)
    rows = [(at, rng.random(), rng.randrange(most)) for at in ids]
    lines = [f"{at},{share:.3f},{visits},{'yes' if share > 0.5 else 'no'}" for at, share, visits in rows]
    (folder / "data" / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")


def house_of(folder: Path) -> House:
    return open_house(read_settings(folder, {}))


def alerts(folder: Path) -> dict[str, AlertState]:
    with house_of(folder).records.reading() as books:
        return {f"{each.monitor} {each.subject}".strip(): each.state for each in reversed(books.alerts.newest())}


def told(folder: Path, kind: Kind) -> list[dict[str, object]]:
    with house_of(folder).records.reading() as books:
        return [{"cause": each.cause, "subject": each.subject, **each.facts} for each in books.events.find(kind)]


def performance() -> Alert:
    said = "The loss is worse than promised."
    finding = Finding(
        "performance", "loss", "log_loss", 0.9, None, None, 0.5, True, None, None, Severity.CRITICAL, said
    )
    found = seen(None, finding, NOW, endpoint="till", hold=1)
    assert found is not None
    return found


def test_a_soft_rule_that_breaks_raises_one_alert_until_a_later_snapshot_keeps_it(folder: Path) -> None:
    assert alerts(folder) == {}

    write(folder, "second", range(1000, 1050), most=200)
    called("run", "--project", folder)
    called("run", "--project", folder)

    assert alerts(folder) == {"contract visits.range": AlertState.FIRING}
    [opened] = told(folder, Kind.ALERT_OPENED)
    assert opened["severity"] == "warning"
    assert opened["subject"] == "project:till"
    assert "visits" in str(opened["said"])
    assert opened["cause"] is not None

    write(folder, "second", range(1000, 1050))
    called("run", "--project", folder)

    assert alerts(folder) == {"contract visits.range": AlertState.RESOLVED}
    [resolved] = told(folder, Kind.ALERT_RESOLVED)
    assert resolved["alert"] == opened["alert"]


def test_somebody_can_take_on_an_alert_about_data(folder: Path) -> None:
    write(folder, "second", range(1000, 1050), most=200)
    called("run", "--project", folder)
    house = house_of(folder)
    with house.records.reading() as books:
        [alert] = books.alerts.unresolved("till")

    LoopService(house).acknowledge(alert.id, by="person:ada")

    assert alerts(folder) == {"contract visits.range": AlertState.ACKNOWLEDGED}


def test_data_that_break_a_hard_rule_as_a_whole_hold_back_retraining_and_mended_data_let_it_go(folder: Path) -> None:
    (folder / "data" / "first.csv").unlink()
    write(folder, "narrow", range(150), header="id,sum,visits,late")
    assert "amount" in called("run", "--project", folder, code=2)["error"]["message"]
    assert alerts(folder)["source"] is AlertState.FIRING
    house = house_of(folder)
    with house.records.writing() as books:
        books.alerts.save(performance())

    assert isinstance(decision := decided(house), Held)
    assert isinstance(again := decided(house), Held)

    assert decision.because == again.because == "bad_data"
    [held] = told(folder, Kind.TRIGGER_HELD)
    with house.records.reading() as books:
        [cause] = [each for each in books.events.find(Kind.ALERT_OPENED) if each.id == held["cause"]]
        assert not [job for job in books.jobs.unfinished() if job.work is Work.RUN]
    assert cause.facts["monitor"] == "source"
    assert cause.facts["alert"] == held["held_by"]

    (folder / "data" / "narrow.csv").unlink()
    write(folder, "first", range(150))
    called("run", "--project", folder)

    assert alerts(folder)["source"] is AlertState.RESOLVED
    assert isinstance(decided(house), Retrain)


def test_too_few_good_rows_hold_back_retraining(folder: Path) -> None:
    write(folder, "first", range(20))
    called("run", "--project", folder, code=2)

    assert alerts(folder)["contract table"] is AlertState.FIRING
    house = house_of(folder)
    with house.records.writing() as books:
        books.alerts.save(performance())
    assert isinstance(decision := decided(house), Held)
    assert decision.because == "bad_data"


def decided(house: House) -> object:
    endpoint = Endpoint("till", "till", "till/1", generation=1)
    with house.records.writing() as books:
        return improving.decide(books, house, endpoint, labelled_until=house.clock.now() + timedelta(days=30))
