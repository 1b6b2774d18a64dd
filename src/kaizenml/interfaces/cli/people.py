"""`kaizen user`: who signs in with a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option, roles_text
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, print_table

if TYPE_CHECKING:
    from kaizenml.loop.signing_in import Act


@click.group(cls=Group)
def user() -> None:
    """List who has signed in, shut people out and let them in again, end their sessions.

    People sign in once the setting `oidc` names an identity provider; `oidc_roles` says which of its groups may what.
    """


@user.command("list")
@project_option
@json_option
def listing(folder: Path, as_json: bool) -> None:
    """List who has signed in, by name."""
    from kaizenml.loop.signing_in import users

    house = house_of(folder)
    with house.records.reading() as books:
        found = users(books)
    if as_json:
        print_json({"users": msgspec.to_builtins(found)})
        return
    rows = (
        (each.name, roles_text(each.roles), ", ".join(each.groups), f"{each.seen_at:%Y-%m-%d %H:%M}",
         "shut out" if each.disabled_at else "may come in")
        for each in found
    )  # fmt: skip
    print_table(["user", "roles", "groups", "signed in", "state"], rows, empty="Nobody has signed in.")


@user.command("shut-out")
@click.argument("name")
@project_option
@json_option
def shutting_out(name: str, folder: Path, as_json: bool) -> None:
    """Let NAME in no more, and end their sessions. Tokens are revoked by `kaizen token revoke`."""
    from kaizenml.loop.signing_in import shut_out

    _do(shut_out, name, folder, as_json, "may not come in any more; their sessions are over")


@user.command("let-in")
@click.argument("name")
@project_option
@json_option
def letting_in(name: str, folder: Path, as_json: bool) -> None:
    """Let NAME in again."""
    from kaizenml.loop.signing_in import let_in

    _do(let_in, name, folder, as_json, "may come in again")


@user.command("sign-out")
@click.argument("name")
@project_option
@json_option
def signing_out(name: str, folder: Path, as_json: bool) -> None:
    """End every session of NAME."""
    from kaizenml.loop.signing_in import sign_out

    _do(sign_out, name, folder, as_json, "is signed out everywhere")


@user.command("forget")
@click.argument("name")
@project_option
@json_option
def forgetting(name: str, folder: Path, as_json: bool) -> None:
    """Make NAME free, for whoever signs in next under it, such as the same person at another provider."""
    from kaizenml.loop.signing_in import forget

    _do(forget, name, folder, as_json, "is forgotten; the name is free")


def _do(act: Act, name: str, folder: Path, as_json: bool, said: str) -> None:
    house = house_of(folder)
    with house.records.writing() as books:
        done = act(books, name, by=person(), now=house.clock.now())
    if as_json:
        print_json({"user": msgspec.to_builtins(done)})
    else:
        click.echo(f"{done.name} {said}.")
