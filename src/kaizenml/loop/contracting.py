"""The contract of a project: what the last snapshot was held to, what its page says now, who agreed to the change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import polars as pl

from kaizenml.core.contract import Contract
from kaizenml.core.digest import Digest
from kaizenml.core.event import Draft, Kind
from kaizenml.core.plan import CleaningPlan
from kaizenml.core.ports import Books
from kaizenml.data.contract_diff import Change, differences
from kaizenml.data.contract_yaml import from_yaml
from kaizenml.data.learn import held_to
from kaizenml.errors import StateError, UsageError
from kaizenml.loop.wiring import House

PAGE = "contract.yaml"
_CONTENT, _ACCEPTED = "content", "contract"
T = TypeVar("T", Contract, CleaningPlan)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Somebody agreed that a contract, by its digest, lets more through than the one before."""

    contract: Digest
    against: Digest
    by: str
    because: str
    at: datetime


#: Made now, before threads ask: msgspec crashes when two of them ask at once how a class is read.
_MADE = (msgspec.json.Decoder(Acceptance), msgspec.json.Decoder(CleaningPlan), msgspec.json.Decoder(Contract))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The contract as its page says it, beside the one that the newest snapshot passed."""

    project: str
    snapshot: str | None
    old: Digest | None
    new: Digest
    changes: tuple[Change, ...]
    acceptance: Acceptance | None

    @property
    def loosened(self) -> tuple[Change, ...]:
        """The changes that let more rows through."""
        return tuple(change for change in self.changes if change.is_looser)

    @property
    def is_accepted(self) -> bool:
        """Say whether a run may use the contract: nothing is looser, or somebody agreed."""
        return not self.loosened or self.acceptance is not None


def keep(house: House, *contents: Contract | CleaningPlan) -> dict[str, str]:
    """Keep plans and contracts, and return for the digest of each where it is; `remember` notes that."""
    return {content.digest: house.blobs.put(msgspec.json.encode(content)) for content in contents}


def remember(books: Books, places: dict[str, str]) -> None:
    """Note where plans and contracts are kept."""
    for digest, place in places.items():
        books.notes.put(_CONTENT, digest, place)


def find_kept(house: House, digest: Digest, of: type[T]) -> T | None:
    """Return the plan or the contract of this digest; None for snapshots made before these were noted."""
    with house.records.reading() as books:
        place = place_of(books, digest)
    return msgspec.json.decode(house.blobs.get(place), type=of) if place else None


def place_of(books: Books, digest: Digest) -> Digest | None:
    """Return the blob that holds the plan or the contract of this digest; None where it was never noted."""
    place = books.notes.get(_CONTENT, digest)
    return Digest(str(place)) if place else None


def compared(house: House, project: str, contract: Contract) -> Comparison:
    """Return what changed since the newest snapshot, and whether somebody agreed to it."""
    with house.records.reading() as books:
        newest = books.snapshots.newest(project, limit=1)
        note = books.notes.get(_ACCEPTED, f"{project}/{contract.digest}")
    if not newest:
        return Comparison(project, None, None, contract.digest, (), None)
    old = find_kept(house, newest[0].contract, Contract)
    changes = differences(old, contract) if old is not None else ()
    accepted = msgspec.convert(note, Acceptance) if note else None
    if accepted is not None and accepted.against != newest[0].contract:
        accepted = None  # agreed to beside another contract, to which it was less of a change
    return Comparison(project, newest[0].name, newest[0].contract, contract.digest, changes, accepted)


def check(house: House, project: str, contract: Contract) -> None:
    """Refuse a contract that lets more rows through than the newest snapshot's, unless somebody agreed to that.

    Raises
    ------
    StateError
        Naming what is looser.
    """
    found = compared(house, project, contract)
    if not found.is_accepted:
        first = [f"{each.column or 'the table'}: {each.line}" for each in found.loosened]
        more = f" and {len(first) - 3} more" if len(first) > 3 else ""
        raise StateError(
            f"{PAGE} lets more rows through than that of {found.snapshot}: {'; '.join(first[:3])}{more}.",
            "Look at it with `kaizen contract diff`, then `kaizen contract accept --because TEXT`, or take it back.",
            {"loosened": [f"{each.column}.{each.line}" for each in found.loosened]},
        )


def accept(house: House, project: str, contract: Contract, *, by: str, because: str) -> Comparison:
    """Agree to a contract that lets more rows through; the log says who did, and why.

    Raises
    ------
    UsageError
        Without a reason.
    StateError
        When there is nothing to agree to.
    """
    if not because.strip():
        raise UsageError("A contract is not accepted without a reason.", "Add --because TEXT.")
    found = compared(house, project, contract)
    if found.is_accepted or found.old is None:
        raise StateError(
            f"There is nothing to accept: {PAGE} lets no more through than what was agreed to.", "Run: `kaizen run`."
        )
    now = house.clock.now()
    given = Acceptance(contract.digest, found.old, by, because, now)
    facts = {"because": because, "contract": found.new, "against": found.old,
             "loosened": [f"{each.column}.{each.line}" for each in found.loosened]}  # fmt: skip
    with house.records.writing() as books:
        books.notes.put(_ACCEPTED, f"{project}/{contract.digest}", msgspec.to_builtins(given))
        draft = Draft(project, by, Kind.CONTRACT_ACCEPTED, f"contract:{project}", None, house.data_at(books), facts)
        books.events.append(draft, now)
    return compared(house, project, contract)


def find_page(project: str, folder: Path, house: House) -> Contract | None:
    """Return the contract in the project's folder, None before the first snapshot.

    Raises
    ------
    StateError
        When it lets more rows through than that of the snapshot before, and nobody accepted that.
    """
    if not (folder / PAGE).is_file():
        return None
    contract = page_of(folder)
    check(house, project, contract)
    return contract


def held(house: House, project: str, contract: Contract, plan: CleaningPlan, raw: pl.DataFrame) -> CleaningPlan:
    """Return the plan with the kinds of the contract, read as the newest snapshot read them where they are unclear."""
    with house.records.reading() as books:
        newest = books.snapshots.newest(project, limit=1)
    before = find_kept(house, newest[0].plan, CleaningPlan) if newest else None
    return held_to({rule.column: rule.kind for rule in contract.columns}, plan, raw, before)


def page_of(folder: Path) -> Contract:
    """Return the contract that the page in a project's folder says.

    Raises
    ------
    UsageError
        When there is none, or when it says what cannot be.
    """
    path = folder / PAGE
    if not path.is_file():
        raise UsageError(f"There is no {PAGE} in {folder}.", "The first `kaizen run` writes it.")
    return from_yaml(path.read_text("utf-8"))
