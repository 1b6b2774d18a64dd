"""Code that was declared to give what other code gave: a harmless refactoring need not run again."""

from __future__ import annotations

from kaizenml.core.event import Draft, Kind
from kaizenml.core.ports import Books
from kaizenml.errors import NotFoundError, RefusedError
from kaizenml.loop.codebase import ProjectCode
from kaizenml.loop.loading import Loaded
from kaizenml.loop.order import Order
from kaizenml.loop.steps import GIVEN, steps_of
from kaizenml.loop.wiring import House, open_step_cache
from kaizenml.training.graph import graph

_NOTE = "accepted-code"


def accepted(books: Books, project: str) -> dict[str, str]:
    """Return what was declared: from the digest of the new code to that of the old."""
    found = books.notes.get(_NOTE, project)
    return {str(new): str(old) for new, old in found.items()} if isinstance(found, dict) else {}


def accept(loaded: Loaded, house: House, step: str, *, by: str, because: str, order: Order) -> tuple[str, ...]:
    """Declare that the code of a step gives now what it gave when it last ran; return what has changed in it.

    Raises
    ------
    NotFoundError
        When there is no such step.
    RefusedError
        When it never ran, or its code has not changed.
    """
    project = loaded.project
    nodes = {node.name: node for node in graph(steps_of(project), GIVEN, order.parameters, project.options)}
    if step not in nodes:
        raise NotFoundError("step", step, nodes)
    now = ProjectCode(loaded, ignore=(house.settings.home,)).of(nodes[step])
    before = open_step_cache(house.settings).last(f"{project.name}/{step}")
    if before is None:
        raise RefusedError(f"The step `{step}` has not run here.", "Run it: there is nothing that it could equal.")
    with house.records.writing() as books:
        known = accepted(books, project.name)
        if known.get(now.digest, now.digest) == before.code:
            raise RefusedError(f"The code of `{step}` is what it was when it last ran.", "There is nothing to accept.")
        books.notes.put(_NOTE, project.name, {**known, now.digest: before.code})
        symbols = now.symbols()
        changed = tuple(sorted(name for name in symbols.keys() | before.symbols.keys()
                               if symbols.get(name) != before.symbols.get(name)))  # fmt: skip
        facts = {"step": step, "from": before.code, "to": now.digest, "because": because, "symbols": list(changed)}
        draft = Draft(project.name, by, Kind.STEP_ACCEPTED, f"step:{step}", None, house.data_at(books), facts)
        books.events.append(draft, house.clock.now())
    return changed
