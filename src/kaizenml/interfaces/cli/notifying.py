"""`kaizen notify`: who is told of what happens, and what was delivered."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from kaizenml.errors import UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, print_table

_STATES = ("pending", "leased", "delivered", "dead")


@click.group(cls=Group)
def notify() -> None:
    """Tell people and programs what happens: signed webhooks, and every service that Apprise knows.

    `kaizen up` delivers; what could not be delivered is tried again for some hours, and then waits as a dead letter.
    """


@notify.command("add")
@click.argument("name")
@click.argument("address")
@click.option("--kind", "kinds", multiple=True, help="Kind of event, such as alert.* or run.failed; may be repeated.")
@click.option("--of", "projects", multiple=True, help="Only events of this project; may be repeated.")
@click.option("--endpoint", "endpoints", multiple=True, help="Only events about this endpoint; may be repeated.")
@click.option("--apprise", is_flag=True, help="An https:// address is one of Apprise too, not a webhook.")
@project_option
@json_option
def adding(
    name: str,
    address: str,
    kinds: tuple[str, ...],
    projects: tuple[str, ...],
    endpoints: tuple[str, ...],
    apprise: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Tell ADDRESS, from now on, under NAME: https://… gets signed webhooks, slack://… and others a message.

    `-` reads the address from standard input, so that it stays out of the shell's history. Without --kind: decisions
    that wait, alerts, failures, and what serves now. The secret of a webhook is shown this once.
    """
    from kaizenml.core.subscription import Channel

    read = sys.stdin.readline().strip() if address == "-" else address
    by_channel = Channel.APPRISE if apprise else None
    made, secret = _desk(folder).add(
        name, read, by=person(), channel=by_channel, kinds=kinds, projects=projects, endpoints=endpoints
    )
    if as_json:
        print_json({"subscription": made, "secret": secret or None})
        return
    if secret:
        click.echo(secret)
    once = " Its secret is shown this once." if secret else ""
    click.echo(f"{made['to']} is told from now on, as {name}.{once} `kaizen notify test {name}` tries it.", err=True)


@notify.command("list")
@project_option
@json_option
def listing(folder: Path, as_json: bool) -> None:
    """List the subscriptions, with how many letters wait, were delivered, are dead."""
    found = _desk(folder).listed()
    if as_json:
        print_json({"subscriptions": found})
        return
    columns = ["name", "to", "of what", "state", "waiting", "delivered", "dead"]
    rows = [
        (each["name"], each["to"], _filter(each["filter"]), f"paused: {each['because']}" if each["paused_at"] else "on",
         *each["letters"].values())
        for each in found
    ]  # fmt: skip
    print_table(columns, rows, empty="Nobody is told. Add somebody: `kaizen notify add NAME ADDRESS`.")


@notify.command("remove")
@click.argument("name")
@project_option
@json_option
def removing(name: str, folder: Path, as_json: bool) -> None:
    """Tell NAME nothing more; its letters are deleted."""
    _done(_desk(folder).remove(name, by=person()), f"{name} is told nothing more.", as_json=as_json)


@notify.command("pause")
@click.argument("name")
@click.option("--because", default="", help="Why, as the list will say.")
@project_option
@json_option
def pausing(name: str, because: str, folder: Path, as_json: bool) -> None:
    """Send NAME nothing until it is resumed; what happens meanwhile waits."""
    _done(_desk(folder).pause(name, by=person(), because=because), f"{name} is paused.", as_json=as_json)


@notify.command("resume")
@click.argument("name")
@project_option
@json_option
def resuming(name: str, folder: Path, as_json: bool) -> None:
    """Go on with NAME where it was paused."""
    _done(_desk(folder).resume(name, by=person()), f"{name} goes on where it was paused.", as_json=as_json)


@notify.command("rotate")
@click.argument("name")
@click.option("--keep", default="24h", help="For so long the old secret signs too.", show_default=True)
@project_option
@json_option
def rotating(name: str, keep: str, folder: Path, as_json: bool) -> None:
    """Give the webhook NAME another secret and show it, once; the old one signs too for a while."""
    secret = _desk(folder).rotate(name, by=person(), keep=keep)
    if as_json:
        print_json({"secret": secret})
        return
    click.echo(secret)
    click.echo(f"This signs from now on; for {keep} the old secret signs too.", err=True)


@notify.command("test")
@click.argument("name")
@project_option
@json_option
def testing(name: str, folder: Path, as_json: bool) -> int:
    """Send NAME a test now, and say whether it arrived."""
    answer = _desk(folder).test(name, by=person())
    if as_json:
        print_json({"has_arrived": answer.is_received, "status": answer.status, "said": answer.said})
    else:
        said = "It arrived." if answer.is_received else f"It did not arrive. {answer.said}"
        click.echo(said)
    return 0 if answer.is_received else 1


@notify.command("letters")
@click.option("--to", "name", default=None, help="Only to this subscription.")
@click.option("--state", type=click.Choice(_STATES), default=None, help="Only in this state.")
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), help="So many, the newest.", show_default=True)
@project_option
@json_option
def lettering(name: str | None, state: str | None, limit: int, folder: Path, as_json: bool) -> None:
    """List what was, is to be, or could not be delivered, the newest first."""
    from kaizenml.core.letter import LetterState

    found = _desk(folder).letters(name, LetterState(state) if state else None, limit=limit)
    if as_json:
        print_json({"letters": msgspec.to_builtins(found)})
        return
    columns = ["letter", "to", "event", "state", "attempts", "due", "what came of it"]
    rows = ((each.id, each.subscription, f"{each.event} {each.kind}", each.state, each.attempts,
             "" if each.ended_at else f"{each.due_at:%m-%d %H:%M:%S}", each.said or each.status or "")
            for each in found)  # fmt: skip
    print_table(columns, rows, empty="There are no such letters.")


@notify.command("redeliver")
@click.argument("letter", required=False, default="")
@click.option("--dead-of", "subscription", default="", help="All dead letters to this subscription instead of one.")
@project_option
@json_option
def redelivering(letter: str, subscription: str, folder: Path, as_json: bool) -> None:
    """Let a dead LETTER go again, with all its attempts before it; receivers see the same id."""
    if bool(letter) == bool(subscription):
        raise UsageError("This needs a letter, or --dead-of NAME.", "`kaizen notify letters --state dead` lists them.")
    found = _desk(folder).send_again(letter=letter, subscription=subscription, by=person())
    if as_json:
        print_json({"letters": msgspec.to_builtins(found)})
    else:
        click.echo(f"{len(found)} {'letter goes' if len(found) == 1 else 'letters go'} again.")


@notify.command("deliver")
@project_option
@json_option
def delivering(folder: Path, as_json: bool) -> None:
    """Deliver what is due now, once, as `kaizen up` does all the time."""
    from kaizenml.loop.notifying import counts_of, deliver

    counts = counts_of(deliver(house_of(folder)))
    if as_json:
        print_json(counts)
    else:
        click.echo(f"{counts['delivered']} delivered, {counts['pending']} to be tried again, {counts['dead']} dead.")


def _desk(folder: Path) -> Any:
    from kaizenml.loop.notify_service import LoopNotify

    return LoopNotify(house_of(folder))


def _done(facts: Mapping[str, Any], said: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"subscription": facts})
    else:
        click.echo(said)


def _filter(of: Mapping[str, Any]) -> str:
    from kaizenml.core.subscription import DEFAULT_KINDS

    kinds = "the usual" if tuple(of["kinds"]) == tuple(map(str, DEFAULT_KINDS)) else ", ".join(of["kinds"])
    about = [*(f"of {each}" for each in of["projects"]), *(f"endpoint {each}" for each in of["endpoints"])]
    return "; ".join([kinds, *about])
