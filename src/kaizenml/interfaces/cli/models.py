"""`kaizen models`: the registry of models, their versions, and the aliases that name them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from kaizenml.core.names import checked_name
from kaizenml.core.registered import version_number
from kaizenml.core.terminal import harmless
from kaizenml.errors import UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.groups import Group
from kaizenml.interfaces.cli.output import print_json, print_table

_EMPTY = "No model versions yet. Make one: `kaizen run`, or register one: `kaizen models register NAME --run RUN`."
_TAGS = click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; may be repeated.")
_ABOUT = click.option("--description", default="", help="What it is for.")


@click.group("models", cls=Group, invoke_without_command=True)
@project_option
@click.option("--model", default=None, help="Only versions of this model.")
@click.option("--limit", default=50, type=click.IntRange(1, 100_000), help="How many, the newest.")
@json_option
@click.pass_context
def models(context: click.Context, folder: Path, model: str | None, limit: int, as_json: bool) -> None:
    """List model versions, newest first; register, describe and name them."""
    from kaizenml.loop.model_views import newest

    if context.invoked_subcommand is not None:
        return
    with house_of(folder).records.reading() as books:
        found = newest(books, model, limit=limit)
    if as_json:
        print_json({"models": found})
    else:
        _print_versions(found)


@models.command("show")
@click.argument("name", metavar="MODEL|MODEL:N")
@project_option
@json_option
def show(name: str, folder: Path, as_json: bool) -> None:
    """Show a model with its versions, or one version."""
    from kaizenml.loop import model_views
    from kaizenml.loop import models as registry

    with house_of(folder).records.reading() as books:
        if ":" in name:
            _print(model_views.version_view(books, registry.get_version(books, *version_number(name))), as_json)
            return
        found = model_views.model_view(books, name)
    if as_json:
        print_json(found)
        return
    _print({key: value for key, value in found.items() if key != "versions"}, as_json)
    _print_versions(found["versions"])


@models.command("card")
@click.argument("name", metavar="MODEL:N")
@project_option
@json_option
def card(name: str, folder: Path, as_json: bool) -> None:
    """Print the model card of a version, in Markdown, from what is recorded of it now."""
    from kaizenml.loop.model_cards import card_of

    house = house_of(folder)
    with house.records.reading() as books:
        text = card_of(books, house, *version_number(name))
    if as_json:
        print_json({"name": name, "card": text})
    else:
        click.echo(harmless(text, keep="\n"), nl=False)


@models.command("create")
@click.argument("name")
@_ABOUT
@_TAGS
@project_option
@json_option
def create(name: str, description: str, tags: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Register NAME, under which versions can be registered."""
    from kaizenml.loop.models import create as made

    house = house_of(folder)
    with house.records.writing() as books:
        model = made(books, house.clock.now(), name, person(), description=description, tags=_tags(tags))
    _print(msgspec.to_builtins(model), as_json)


@models.command("register")
@click.argument("name")
@click.option("--run", required=True, help="The run that made it.")
@click.option("--path", default="", help="The artefact, or folder of artefacts, of the run that it is.")
@_ABOUT
@_TAGS
@project_option
@json_option
def register(
    name: str, run: str, path: str, description: str, tags: tuple[str, ...], folder: Path, as_json: bool
) -> None:
    """Register what a run made as the next version of the model NAME, which is made where it is new."""
    from kaizenml.loop.model_views import version_view
    from kaizenml.loop.models import register_run

    house = house_of(folder)
    with house.records.writing() as books:
        made = register_run(
            books, house.clock.now(), name, run, person(), path=path, description=description, tags=_tags(tags)
        )
        _print(version_view(books, made), as_json)


@models.command("describe")
@click.argument("name", metavar="MODEL|MODEL:N")
@click.argument("text")
@project_option
@json_option
def describe(name: str, text: str, folder: Path, as_json: bool) -> None:
    """Say what a model, or one version, is."""
    from kaizenml.loop import models as registry

    house = house_of(folder)
    with house.records.writing() as books:
        now = house.clock.now()
        if ":" in name:
            done: Any = registry.describe_version(books, now, registry.get_version(books, *version_number(name)), text)
        else:
            done = registry.describe(books, now, name, text)
    _print(msgspec.to_builtins(done), as_json)


@models.command("tag")
@click.argument("name", metavar="MODEL|MODEL:N")
@click.argument("tags", metavar="KEY=VALUE|KEY", nargs=-1, required=True)
@project_option
@json_option
def tag(name: str, tags: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Set tags of a model, or of one version; a KEY alone is taken away."""
    from kaizenml.loop import models as registry

    house = house_of(folder)
    given = dict(_split(each) for each in tags)
    with house.records.writing() as books:
        now = house.clock.now()
        if ":" in name:
            version = registry.get_version(books, *version_number(name))
            done: Any = registry.retag_version(books, now, version, given, person())
        else:
            done = registry.retag(books, now, registry.get(books, name), given, person())
    _print(msgspec.to_builtins(done), as_json)


@models.command("alias")
@click.argument("name", metavar="MODEL:N|MODEL")
@click.argument("alias")
@click.option("--seen", type=int, default=None, help="Only if the alias names this version now; 0: none.")
@project_option
@json_option
def alias(name: str, alias: str, seen: int | None, folder: Path, as_json: bool) -> None:
    """Let ALIAS name a version; with MODEL alone, take the alias away. A protected one needs an approval."""
    from kaizenml.loop.aliases import move
    from kaizenml.loop.move_requests import remembering

    model, number = version_number(name) if ":" in name else (name, None)
    before = -1 if seen is None else (seen or None)
    house = house_of(folder)
    with remembering(house) as books:
        done = move(books, house, model, alias, number, person(), seen=before)
    _print(msgspec.to_builtins(done), as_json)


@models.command("approve")
@click.argument("name", metavar="MODEL:N|MODEL")
@click.option("--alias", required=True, help="The protected alias, or stage, that may move there.")
@click.option("--because", default="", help="The reason.")
@click.option("--as", "approver", default="", help="Who approves, where that is not the person who calls.")
@project_option
@json_option
def approve(name: str, alias: str, because: str, approver: str, folder: Path, as_json: bool) -> None:
    """Approve that a protected alias names a version; with MODEL alone, that it is taken away."""
    from kaizenml.loop.aliases import approve as approved

    model, number = version_number(name) if ":" in name else (name, None)
    by = f"person:{checked_name('person', approver)}" if approver else person()
    house = house_of(folder)
    with house.records.writing() as books:
        standing = approved(books, house, model, alias, number, by, because=because)
    if as_json:
        print_json(msgspec.to_builtins(standing))
        return
    missing = standing.needed - standing.given
    then = f"It needs {missing} more." if missing > 0 else f"It may move: `kaizen models alias {name} {alias}`."
    click.echo(harmless(f"{alias} to {name}: {standing.given} of {standing.needed} people have approved. {then}"))


@models.command("rename")
@click.argument("name")
@click.argument("to")
@project_option
@json_option
def rename(name: str, to: str, folder: Path, as_json: bool) -> None:
    """Give a model another name; its versions keep their numbers."""
    from kaizenml.loop.models import rename as renamed

    house = house_of(folder)
    with house.records.writing() as books:
        done = renamed(books, house, name, to, person())
    _print(msgspec.to_builtins(done), as_json)


@models.command("delete")
@click.argument("name", metavar="MODEL|MODEL:N")
@project_option
@json_option
def delete(name: str, folder: Path, as_json: bool) -> None:
    """Delete a model with its versions, or one version; their numbers are not given again."""
    from kaizenml.loop import models as registry

    house = house_of(folder)
    with house.records.writing() as books:
        if ":" in name:
            registry.delete_version(books, house, registry.get_version(books, *version_number(name)), person())
        else:
            registry.delete(books, house, name, person())
    _print({"deleted": name}, as_json)


def _tags(given: Iterable[str]) -> dict[str, str]:
    tags = dict(_split(each) for each in given)
    bare = [key for key, value in tags.items() if value is None]
    if bare:
        raise UsageError(f"--tag {bare[0]} has no value.", "Write --tag KEY=VALUE.")
    return {key: str(value) for key, value in tags.items()}


def _split(text: str) -> tuple[str, str | None]:
    key, sign, value = text.partition("=")
    return key, value if sign else None


def _print(found: dict[str, Any], as_json: bool) -> None:
    found = {key: value for key, value in found.items() if key != "is_deleted"}
    if as_json:
        print_json(found)
        return
    for key, value in found.items():
        if value not in (None, "", {}, []):
            click.echo(harmless(f"{key}: {value}"))


def _print_versions(found: list[dict[str, Any]]) -> None:
    columns = ["model version", "made", "aliases", "run", "rows", "trained until", "metrics"]
    rows = (
        (each["name"], _when(each["created_at"]), ", ".join(each["aliases"]), each["run"], each["rows"],
         _when(each["trained_until"]), _best(each["metrics"]))
        for each in found
    )  # fmt: skip
    print_table(columns, rows, empty=_EMPTY)


def _when(at: str | None) -> str:
    return str(at)[:19].replace("T", " ") if at else ""


def _best(metrics: dict[str, dict[str, float]]) -> str:
    return ", ".join(f"{name} {each['value']:.4g}" for name, each in list(metrics.items())[:2])
