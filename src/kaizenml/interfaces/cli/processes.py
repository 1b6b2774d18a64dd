"""`kaizen up`, `serve`, `worker`."""

from __future__ import annotations

import os
import socket
import threading
import time
from functools import partial
from pathlib import Path

import click

from kaizenml.interfaces.cli.common import check_project, project_option
from kaizenml.interfaces.cli.output import say_on_stderr
from kaizenml.loop.settings import Settings
from kaizenml.loop.wiring import House, open_blobs, open_house, read_settings

#: How long `up` waits for the port of a data plane that has lost its parent and is about to end.
PORT_SECONDS = 4.0


#: What a worker can be told to do.
_QUICK, _LONG = ("watch", "compare", "accept", "why", "data", "label"), ("run", "package", "look", "tune", "rerun")
WORKS = ("run", "watch", "backtest", "package", "look", "tune", "compare", "rerun", "accept", "why", "data", "label")


@click.command()
@click.option("--host", default="", help="Where to listen; 127.0.0.1 unless told otherwise.")
@click.option("--port", default="", help="Port of the control plane; 8400.")
@click.option("--predict-port", default="", help="Port of the data plane; 8401.")
@project_option
def up(host: str, port: str, predict_port: str, folder: Path) -> None:
    """Start the control plane, the endpoints and the workers; Ctrl-C ends them all."""
    from kaizenml.interfaces.http.server import serve_control_plane
    from kaizenml.loop.accounts import publish
    from kaizenml.loop.controller import control
    from kaizenml.loop.notifying import keep_posted
    from kaizenml.loop.service import LoopService
    from kaizenml.loop.signing_in import open_door
    from kaizenml.loop.supervising import keep, leave_on_signals
    from kaizenml.loop.syncing import pick_up

    of = read_settings(folder, {"host": host, "port": port, "predict_port": predict_port})
    check_project(of)
    house = open_house(of)
    pick_up(house)
    publish(house)
    stop = threading.Event()
    _check_port(of.host, of.port)
    _wait_for_port(of.host, of.predict_port)
    with serve_control_plane(
        LoopService(house), host=of.host, port=of.port, token=of.token, door=open_door(of), stop=stop
    ):
        leave_on_signals(stop)
        controller = threading.Thread(
            target=control, args=(house, say_on_stderr), kwargs={"stop": stop}, name="controller", daemon=True
        )
        controller.start()
        post = threading.Thread(
            target=keep_posted, args=(house, say_on_stderr), kwargs={"stop": stop}, name="post", daemon=True
        )
        post.start()
        _tell_of_setup(house)
        click.echo(f"Control plane  http://{of.host}:{of.port}/      (API at /docs)")
        click.echo(f"Data plane     http://{of.host}:{of.predict_port}/      Ctrl-C ends both.")
        keep(_children(of), say_on_stderr, stop)
        controller.join(5)
        post.join(5)


def _tell_of_setup(house: House) -> None:
    """Print, where others can reach the server and nobody has an account yet, the token with which one is made."""
    from kaizenml.interfaces.http.access import is_everywhere, is_loopback
    from kaizenml.loop import setting_up

    of = house.settings
    if of.token or of.sign_in or is_loopback(of.host):
        return
    with house.records.writing() as books:
        text = setting_up.begin(books, house.clock.now())
    if text is not None:
        host = socket.gethostname() if is_everywhere(of.host) else f"[{of.host}]" if ":" in of.host else of.host
        click.echo(f"Set-up token   {text}")
        click.echo(
            f"               Make the first account with it, within the hour: kaizen setup http://{host}:{of.port} ME"
        )


def _check_port(host: str, port: int) -> None:
    """Refuse at once what is in use: `up` itself has a moment to wait for the other port."""
    from kaizenml.interfaces.http.server import cannot_listen

    try:
        _listen(host, port)
    except OSError as error:
        raise cannot_listen(host, port, error) from error


def _listen(host: str, port: int) -> None:
    socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()


def _wait_for_port(host: str, port: int) -> None:
    """Return once the data plane can listen there: one that has lost its parent needs a moment to end.

    Raises
    ------
    SettingError
        When somebody else listens there.
    """
    from kaizenml.interfaces.http.server import cannot_listen

    limit = time.monotonic() + PORT_SECONDS
    while True:
        try:
            _listen(host, port)
            return
        except OSError as error:
            if time.monotonic() > limit:
                raise cannot_listen(host, port, error, "--predict-port") from error
        time.sleep(0.1)


def _children(of: Settings) -> list:  # type: ignore[type-arg]
    from kaizenml.loop.supervising import Child, command

    said = ["--project", str(of.folder), "--parent", str(os.getpid())]
    logs = of.home / "logs"
    at = ["--host", of.host, "--port", str(of.predict_port)]
    # What was said to this command counts for them too, whatever the environment says.
    told = {"KAIZEN_HOST": of.host, "KAIZEN_PORT": str(of.port), "KAIZEN_PREDICT_PORT": str(of.predict_port)}
    return [
        Child("data plane", command("serve", *said, *at), logs / "serve.log", told),
        Child(
            "worker (monitors)",
            command("worker", *_works(*_QUICK), *said),
            logs / "watch.log",
            told,
        ),
        Child(
            "worker (runs)",
            command("worker", *_works(*_LONG), *said),
            logs / "run.log",
            told,
        ),
    ]


def _works(*names: str) -> list[str]:
    return [word for name in names for word in ("--work", name)]


@click.command()
@click.option("--host", default="", help="Where to listen; 127.0.0.1 unless told otherwise.")
@click.option("--port", default="", help="Port; 8401.")
@click.option("--parent", type=int, hidden=True)
@project_option
def serve(host: str, port: str, parent: int | None, folder: Path) -> None:
    """Start the data plane alone: it follows the routes that the controller writes, and goes on without it."""
    from kaizenml.serving.server import pin_to_one_thread

    pin_to_one_thread()
    from kaizenml.loop.accounts import OPENINGS
    from kaizenml.loop.scoring import load_release
    from kaizenml.serving.app import DataPlane
    from kaizenml.serving.callers import Callers
    from kaizenml.serving.server import is_loopback
    from kaizenml.serving.server import serve as serve_plane

    of = read_settings(folder, {"host": host, "predict_port": port})
    plane = DataPlane(
        of.serving / "routes.json",
        of.serving / "status.json",
        of.serving / "log",
        partial(load_release, open_blobs(of)),
        token=of.token,
        callers=Callers(of.serving / OPENINGS, asks_always=of.sign_in is not None or not is_loopback(of.host)),
        is_replay=of.is_replay,
        close_seconds=0.04 if of.is_replay else 0.5,
    )
    serve_plane(plane, of.host, of.predict_port, parent=parent, announce=lambda url: click.echo(f"Data plane {url}"))


@click.command()
@click.option(
    "--work",
    "works",
    multiple=True,
    type=click.Choice(WORKS),
)
@click.option("--parent", type=int, hidden=True)
@project_option
def worker(works: tuple[str, ...], parent: int | None, folder: Path) -> None:
    """Start a worker alone: it takes jobs from the queue, one at a time."""
    from kaizenml.core.job import Work
    from kaizenml.loop.supervising import leave_on_signals, leave_with_parent
    from kaizenml.loop.worker import work

    stop = threading.Event()
    leave_on_signals(stop)
    if parent is not None:
        leave_with_parent(parent, stop)
        _die_late(stop)
    wanted = tuple(Work(name) for name in works) or tuple(Work)
    work(open_house(read_settings(folder)), wanted, _stamped, stop=stop)


def _die_late(stop: threading.Event) -> None:
    """End the process a moment after it was told to, even in the middle of a job: the job's lease frees it."""

    def wait() -> None:
        stop.wait()
        time.sleep(1.0)
        os._exit(0)

    threading.Thread(target=wait, daemon=True, name="end").start()


def _stamped(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}")
