"""`kaizen approve`, `decline`, `ship`, `rollback`, `predict`, `package`."""

from __future__ import annotations

from pathlib import Path

import click

from kaizenml.core.names import checked_name
from kaizenml.core.release import Release, ReleaseState
from kaizenml.errors import UsageError
from kaizenml.interfaces.cli.common import house_of, json_option, person, project_option
from kaizenml.interfaces.cli.output import print_json, say_on_stderr


@click.command()
@click.argument("release")
@click.option("--override", is_flag=True, help="Let it through although its gate holds it back; the log says who did.")
@click.option("--because", default="", help="The reason; needed to override.")
@click.option("--digest", default="", help="Approve only what has this digest, as you looked at it.")
@click.option("--as", "approver", default="", help="Who approves, where that is not the person who calls.")
@project_option
@json_option
def approve(
    release: str, override: bool, because: str, digest: str, approver: str, folder: Path, as_json: bool
) -> None:
    """Approve RELEASE, so that it can be sent out. Its author cannot."""
    from kaizenml.loop.releasing import approve as approve_release

    by = f"person:{checked_name('person', approver)}" if approver else person()
    done = approve_release(house_of(folder), release, by, override=override, because=because, digest=digest)
    _print(done, as_json=as_json)


@click.command()
@click.argument("release")
@click.option("--because", required=True, help="The reason.")
@click.option("--as", "decliner", default="", help="Who declines, where that is not the person who calls.")
@project_option
@json_option
def decline(release: str, because: str, decliner: str, folder: Path, as_json: bool) -> None:
    """Decline RELEASE, with the reason."""
    from kaizenml.loop.releasing import decline as decline_release

    by = f"person:{checked_name('person', decliner)}" if decliner else person()
    _print(decline_release(house_of(folder), release, by, because), as_json=as_json)


@click.command()
@click.argument("release")
@click.option(
    "--canary", default="", metavar="5,25,100", help="Percentages of traffic, rising; after the last comes all of it."
)
@click.option("--shadow", is_flag=True, help="Begin without traffic: the release scores beside the champion, unheard.")
@project_option
@json_option
def ship(release: str, canary: str, shadow: bool, folder: Path, as_json: bool) -> None:
    """Send RELEASE out, step by step; the monitors decide each step."""
    from kaizenml.loop.delivering import ship as ship_release

    house = house_of(folder)
    with house.records.writing() as books:
        endpoint = ship_release(books, house, release, person(), canary=_steps(canary), in_shadow=shadow)
    if as_json:
        print_json(endpoint)
    else:
        under_way = f"rollout {endpoint.rollout} has begun" if endpoint.rollout else f"{endpoint.champion} serves"
        click.echo(f"Endpoint {endpoint.name}: {under_way}. Next: kaizen up, kaizen monitor {endpoint.name}")


@click.command()
@click.argument("endpoint")
@project_option
@json_option
def rollback(endpoint: str, folder: Path, as_json: bool) -> None:
    """Give ENDPOINT back to the release before; a running rollout is aborted."""
    from kaizenml.loop.delivering import roll_back

    house = house_of(folder)
    with house.records.writing() as books:
        after = roll_back(books, house, endpoint, person())
    if as_json:
        print_json(after)
    else:
        click.echo(f"Endpoint {after.name}: {after.champion} serves.")


@click.command()
@click.argument("release")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file to write.")
@project_option
@json_option
def predict(release: str, file: Path, out: Path, folder: Path, as_json: bool) -> None:
    """Score FILE with RELEASE, all rows at once."""
    from kaizenml.loop.batch import predict_file

    rows = predict_file(house_of(folder), release, file, out, say_on_stderr)
    if as_json:
        print_json({"release": release, "rows": rows, "out": str(out)})
    else:
        click.echo(f"{rows:,} predictions of {release} in {out}")


@click.command()
@click.argument("release")
@click.option("--as", "kind", type=click.Choice(["wheel"]), default="wheel", help="What to write.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--prove", "is_proved", is_flag=True, help="Install it into a fresh environment and run its self-test.")
@project_option
@json_option
def package(release: str, kind: str, out: Path, is_proved: bool, folder: Path, as_json: bool) -> None:
    """Write RELEASE as a wheel, with kaizenml's own wheel beside it."""
    from kaizenml.loop.wheels import write_wheels

    made = write_wheels(house_of(folder), release, out, is_proved=is_proved)
    if as_json:
        print_json({"release": release, "as": kind, **made})
        return
    for path in made["files"]:
        click.echo(path)
    if is_proved:
        click.echo(f"Proved in a fresh environment: {made['proof']}")


def _steps(text: str) -> tuple[int, ...] | None:
    try:
        return tuple(int(part) for part in text.split(",")) if text else None
    except ValueError:
        raise UsageError(f"--canary {text!r} is no list of percentages.", "Write --canary 5,25,100.") from None


def _print(release: Release, *, as_json: bool) -> None:
    if as_json:
        print_json({"release": release.name, "state": release.state, "digest": release.digest,
                    "approved_by": release.approved_by, "approvals": len(release.approvals),
                    "needed": release.review.needed})  # fmt: skip
    else:
        missing = release.review.needed - len(release.approvals)
        more = f" It needs {missing} more." if release.state is ReleaseState.GATED and missing > 0 else ""
        click.echo(f"{release.name} is {release.state}.{more}")
