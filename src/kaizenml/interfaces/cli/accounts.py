"""`kaizen token`: who may do what over HTTP."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from kaizenml.core.account import EVERYWHERE, Token, checked_owner
from kaizenml.errors import close_match
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option, roles_text
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, print_table


@click.command()
@click.argument("url")
@click.argument("name")
@json_option
def setup(url: str, name: str, as_json: bool) -> None:
    """Make NAME the first admin of the server at URL, with the set-up token that it printed.

    The set-up token is asked for, or read from standard input; it is good once. What is printed is NAME's own token.
    """
    from kaizenml.loop.setting_up import ask

    checked_owner(name)
    text = click.prompt("Set-up token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    made = ask(url, text.strip(), name)
    if as_json:
        print_json(made)
        return
    click.echo(made["text"])
    click.echo(f"This is the token of {name}, an admin. It is shown this once.", err=True)


@click.group(cls=Group)
def token() -> None:
    """Make, list and revoke the tokens by which people and programs are known to the server.

    Once there is one, nobody acts over HTTP without one. The KAIZEN_TOKEN of the server itself opens everything.
    """


@token.command("create")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help="viewer, labeller, developer, approver, operator or admin; PROJECT:ROLE in one project. May be repeated.",
)
@click.option("--expires", default="90d", help="For how long it holds, such as 90d or 12h; never.", show_default=True)
@click.option("--service", is_flag=True, help="It is of a program; it can never approve.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="It is good for this alone, such as predict or view, of what its roles allow. May be repeated.",
)
@project_option
@json_option
def create(
    name: str, roles: tuple[str, ...], expires: str, service: bool, scopes: tuple[str, ...], folder: Path, as_json: bool
) -> None:
    """Make a token for NAME and show it, once."""
    from kaizenml.loop.accounts import issue, publish

    house = house_of(folder)
    with house.records.writing() as books:
        now = house.clock.now()
        text, made = issue(books, name, roles, by=person(), now=now, expires=expires, service=service, scopes=scopes)
        known = [each.project for each in books.declarations.all()]
    publish(house)
    if as_json:
        print_json({"text": text, "token": msgspec.to_builtins(made)})
        return
    click.echo(text)
    until = f"until {made.expires_at:%Y-%m-%d %H:%M} UTC" if made.expires_at else "for ever"
    click.echo(f"Token {made.id} of {made.actor}: {_roles(made)}, {until}. It is shown this once.", err=True)
    for project in sorted(set(made.roles) - {EVERYWHERE, *known}):
        match = close_match(project, known)
        offer = f" Was {match!r} meant?" if match else ""
        click.echo(f"There is no project {project!r} yet: the role opens it once there is.{offer}", err=True)


@token.command("list")
@project_option
@json_option
def listing(folder: Path, as_json: bool) -> None:
    """List the tokens, the newest first."""
    from kaizenml.loop.accounts import tokens

    house = house_of(folder)
    with house.records.reading() as books:
        found = tokens(books)
    if as_json:
        print_json({"tokens": msgspec.to_builtins(found)})
        return
    now = house.clock.now()
    rows = (
        (each.id, each.actor, _roles(each), "good" if each.is_good(now) else "revoked" if each.revoked_at else "lapsed",
         _day(each.expires_at), _day(each.used_at))
        for each in found
    )  # fmt: skip
    columns = ["token", "of", "roles", "state", "expires", "last used"]
    print_table(columns, rows, empty="There are no tokens. Make one: `kaizen token create NAME --role viewer`.")


@token.command("revoke")
@click.argument("id_", metavar="TOKEN")
@project_option
@json_option
def revoking(id_: str, folder: Path, as_json: bool) -> None:
    """Let TOKEN, as `kaizen token list` names it, open nothing any more."""
    from kaizenml.loop.accounts import publish, revoke

    house = house_of(folder)
    with house.records.writing() as books:
        revoked = revoke(books, id_, by=person(), now=house.clock.now())
    publish(house)
    if as_json:
        print_json({"token": msgspec.to_builtins(revoked)})
    else:
        click.echo(f"Token {revoked.id} of {revoked.actor} opens nothing any more.")


def _roles(of: Token) -> str:
    named = roles_text(of.roles)
    return f"{named} (to {', '.join(of.scopes)} only)" if of.scopes else named


def _day(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""
