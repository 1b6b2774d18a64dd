"""The demo, act by act. It plays the world outside; what the loop does, it does by itself."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from kaizenml.errors import KaizenError, SettingError
from kaizenml.interfaces.demo.flights import Day, days, flights, write_months
from kaizenml.interfaces.demo.traffic import World
from kaizenml.loop.supervising import command
from kaizenml.loop.wiring import Say, open_house, read_settings

FIRST, LAST = date(2013, 2, 1), date(2013, 12, 31)
#: The day on which somebody ships a bad release.
SABOTAGE = date(2013, 9, 10)
#: How far the calendar turns at the end without a new flight, to see the model grow stale.
IDLE_DAYS = 75


@dataclass(slots=True)
class Stage:
    """Where the demo plays: its folder, ports, and how far it has come."""

    folder: Path
    port: int
    predict_port: int

    @property
    def progress_file(self) -> Path:
        """What is remembered so that an interrupted demo can go on."""
        return self.folder / "progress.json"

    def progress(self) -> dict[str, Any]:
        """Return how far the demo has come."""
        if not self.progress_file.exists():
            return {}
        found: dict[str, Any] = json.loads(self.progress_file.read_text("utf-8"))
        return found

    def remember(self, **facts: Any) -> None:
        """Remember how far the demo has come; an interruption leaves the old note or the new one."""
        fresh = self.progress_file.with_suffix(".new")
        fresh.write_text(json.dumps({**self.progress(), **facts}), "utf-8")
        fresh.replace(self.progress_file)


def prepare(folder: Path, *, is_fresh: bool, port: int, predict_port: int, say: Say) -> Stage:
    """Lay out the project and the feed of monthly files; an unfinished demo goes on where it was.

    Raises
    ------
    SettingError
        When the folder holds something else.
    """
    stage = Stage(folder, *_ports(port, predict_port))
    progress = stage.progress()
    if folder.exists() and not progress and any(folder.iterdir()):
        raise SettingError(f"{folder} is there and is no demo.", "Name another folder with --dir.")
    if progress and (is_fresh or progress.get("is_over")):
        shutil.rmtree(folder)
    elif progress:
        say(f"going on where the demo was interrupted, at {progress.get('day', 'the beginning')} (--fresh starts anew)")
    if not stage.progress():
        folder.mkdir(parents=True, exist_ok=True)
        stage.remember(is_over=False)
    _lay_out(stage, say)
    return stage


def _lay_out(stage: Stage, say: Say) -> None:
    if stage.progress().get("is_laid_out"):
        return
    say("writing the project, and the flights of 2013 month by month")
    project = stage.folder / "flights"
    template = Path(__file__).parent / "template"
    shutil.copytree(template, project, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    rows = flights()
    rows.write_parquet(stage.folder / "flights.parquet")
    write_months(rows, stage.folder / "feed")
    (project / "data").mkdir(exist_ok=True)
    shutil.copyfile(stage.folder / "feed" / "2013-01.csv", project / "data" / "2013-01.csv")
    stage.remember(is_laid_out=True)


def play(stage: Stage, say: Say, tick: Callable[[date, str], None], *, last: date = LAST) -> dict[str, Any]:
    """Play every act, and return what was counted outside: requests and failures."""
    project = stage.folder / "flights"
    if not stage.progress().get("has_first"):
        say("January: ingest, contract, clean, train, gate, release")
        if _run(project, say) != 0:
            raise KaizenError("The first model did not pass its gate.", "See `kaizen releases` in the demo's project.")
        stage.remember(has_first=True)
    with (
        _up(stage),
        httpx.Client(base_url=f"http://127.0.0.1:{stage.port}", timeout=60) as control,
        httpx.Client(base_url=f"http://127.0.0.1:{stage.predict_port}", timeout=60) as data,
    ):
        before = stage.progress()
        world = World(control, data, requests=before.get("requests", 0), failed=before.get("failed", 0))
        world.wait_until_ready()
        say(f"flights/1 serves; open http://127.0.0.1:{stage.port}/ to look on")
        rows = pl.read_parquet(stage.folder / "flights.parquet")
        _live(stage, world, rows, say, tick, last)
        _grow_stale(stage, world, say, last)
    return {
        "requests": world.requests,
        "failed_requests": world.failed,
        "failures": world.failures[:10],
        "seconds_by_part": {what: round(seconds, 1) for what, seconds in world.seconds.items()},
    }


def _live(
    stage: Stage, world: World, rows: pl.DataFrame, say: Say, tick: Callable[[date, str], None], last: date
) -> None:
    """Live through the year, day by day: files arrive, callers ask, flights land, the calendar turns."""
    done = stage.progress().get("day")
    first = date.fromisoformat(done) + timedelta(days=1) if done else FIRST
    world.turn_the_page(_midnight(first))
    champion = ""
    for day in days(rows, first, last):
        _deliver_file(stage, day)
        if day.date >= SABOTAGE and not stage.progress().get("has_sabotaged"):
            _sabotage(stage, world, say)
        world.ask(day)
        world.tell(day)
        world.turn_the_page(_midnight(day.date + timedelta(days=1)))
        stage.remember(day=day.date.isoformat(), requests=world.requests, failed=world.failed)
        champion = _champion(world)
        tick(day.date, champion)


def _champion(world: World) -> str:
    state = world.control.get("/api/v1/loop").json()["endpoints"].get("flights", {})
    return f"{state.get('champion', '')}{' + canary' if state.get('rollout') else ''}"


def _deliver_file(stage: Stage, day: Day) -> None:
    """On the first of a month, the file of the month before arrives."""
    if day.date.day == 1 and day.date.month > 2:
        name = f"2013-{day.date.month - 1:02d}.csv"
        target = stage.folder / "flights" / "data" / name
        shutil.copyfile(stage.folder / "feed" / name, target.with_suffix(".part"))
        target.with_suffix(".part").replace(target)


def _sabotage(stage: Stage, world: World, say: Say) -> None:
    """Ship a bad release on purpose: trained on shuffled labels, pushed past its gate by an explicit override."""
    world.wait_until_idle()
    if _is_rolling_out(world):
        return  # wait for a day without a rollout under way
    project = stage.folder / "flights"
    say("somebody trains on shuffled labels and pushes the release past its gate")
    _run(project, say, "--set", "select.shuffled=true")
    releases = _asked(project, "releases", "--limit", "1")["releases"]
    name = releases[0]["name"]
    _asked(project, "approve", name, "--override", "--because", "the deadline is today", "--as", "mallory")
    stage.remember(has_sabotaged=True, bad_release=name)
    _wait_for_rollout(world)


def _is_rolling_out(world: World) -> bool:
    return any(each["rollout"] for each in world.control.get("/api/v1/loop").json()["endpoints"].values())


def _wait_for_rollout(world: World, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not _is_rolling_out(world):
        if time.monotonic() > limit:
            raise KaizenError("The bad release was not sent out.", "Look at `kaizen releases` in the demo's project.")
        time.sleep(0.1)
    world.wait_until_idle()


def _grow_stale(stage: Stage, world: World, say: Say, last: date) -> None:
    """Let time pass without a new flight: the data's clock goes on, and the model grows stale."""
    if stage.progress().get("is_stale"):
        return
    say(f"no flights for {IDLE_DAYS} days: only the data's clock goes on")
    for passed in range(5, IDLE_DAYS + 1, 5):
        world.turn_the_page(_midnight(last + timedelta(days=1 + passed)))
    stage.remember(is_stale=True)


@contextmanager
def _up(stage: Stage) -> Iterator[None]:
    """Keep `kaizen up` running while the block runs."""
    project = stage.folder / "flights"
    at = ["--port", str(stage.port), "--predict-port", str(stage.predict_port)]
    with (stage.folder / "up.log").open("ab") as log:
        process = subprocess.Popen(
            command("up", "--project", str(project), *at), stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_until_listening(process, stage)
        yield
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], stage: Stage, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", stage.port)) == 0:
                return
        time.sleep(0.1)
    tail = (stage.folder / "up.log").read_text("utf-8", errors="replace")[-800:]
    raise KaizenError(f"`kaizen up` did not start: {tail}")


@contextmanager
def staying_up(stage: Stage) -> Iterator[str]:
    """Keep everything up after the last act, for a look; yields the address of the page."""
    with _up(stage):
        yield f"http://127.0.0.1:{stage.port}/"


def _run(project: Path, say: Say, *words: str) -> int:
    """Call `kaizen run` as a person would, pass on what it tells, and return its exit code: 0 or 1."""
    with subprocess.Popen(
        command("run", "--project", str(project), *words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = []
        for line in process.stderr or ():
            lines.append(line)
            say(line.strip().removeprefix("·").strip())
    if process.returncode not in (0, 1):
        raise KaizenError(f"`kaizen run` failed: {''.join(lines)[-800:]}")
    return process.returncode


def _asked(project: Path, *words: str) -> dict[str, Any]:
    """Call a `kaizen` command with --json and return its document."""
    done = subprocess.run(
        command(*words, "--project", str(project), "--json"), capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise KaizenError(f"`kaizen {words[0]}` failed: {done.stdout[-400:]}{done.stderr[-400:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _ports(port: int, predict_port: int) -> tuple[int, int]:
    """Return the ports, or free ones in place of those that are taken."""
    return tuple(each if _is_free(each) else _free_port() for each in (port, predict_port))  # type: ignore[return-value]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def house(stage: Stage) -> Any:
    """Return the demo's house, to read what happened."""
    return open_house(read_settings(stage.folder / "flights"))


def is_terminal() -> bool:
    """Say whether a person looks on."""
    return sys.stderr.isatty()
