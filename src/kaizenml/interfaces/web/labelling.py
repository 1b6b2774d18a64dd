"""The page on which a person labels rows, by keyboard: type a number or the first letters of a label, and Enter.

It is plain HTML without a script, because the control plane lets no script run: the field that takes the keys has the
focus whenever the page comes, and every answer brings the next row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qs, quote

from fastapi import Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from kaizenml.core.account import Permission
from kaizenml.core.labelling import Why
from kaizenml.data.label_queue import Handed
from kaizenml.errors import KaizenError, UsageError, bounded
from kaizenml.interfaces.http.access import acting
from kaizenml.interfaces.http.labelling import house_of
from kaizenml.interfaces.http.routes import Routes
from kaizenml.interfaces.http.service import Service
from kaizenml.interfaces.web.html import Html, joined, page, tag
from kaizenml.interfaces.web.words import counted
from kaizenml.loop import labelling

SKIP = "-"
_WHY = {
    Why.UNCERTAIN: "most is learned from it",
    Why.CONTROL: "chosen by chance",
    Why.REVIEW: "to be looked at again",
    Why.IMPORTED: "brought by somebody",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
_MOST_FIELDS = 10
_LONGEST_CELL = 5_000


async def fields(request: Request) -> dict[str, str]:
    """Return what a form sent; of a field that it sent twice the last."""
    try:
        found = parse_qs((await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise UsageError("The form cannot be read.", "Send it from the page.") from error
    return {name: values[-1] for name, values in found.items()}


By = Annotated[str, Query(max_length=100)]
Sent = Annotated[dict[str, str], Depends(fields)]


def add_label_pages(routes: Routes, service: Service) -> None:
    """Add the routes."""
    pages = LabelPages(service)
    routes.get("/label/{name}", pages.show, permission=Permission.VIEW, include_in_schema=False)
    routes.post("/label/{name}", pages.act, permission=Permission.LABEL, include_in_schema=False)


def meant(said: str, choices: Sequence[str]) -> str:
    """Return the label that somebody means who typed this: a label, its number, or letters that only it begins with.

    Raises
    ------
    UsageError
        When it could be none or several.
    """
    text = said.strip()
    if text in choices or not choices:
        return text
    if text.isascii() and text.isdigit() and 0 < int(text[:9]) <= len(choices):
        return choices[int(text) - 1]
    fitting = [choice for choice in choices if text and choice.lower().startswith(text.lower())]
    if len(fitting) != 1:
        raise UsageError(
            f"{text[:80]!r} could be {bounded(fitting) or 'no label'}.", "Type a label's number, or its first letters."
        )
    return fitting[0]


class LabelPages:
    """The page, and what its forms do."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def show(self, name: str, by: By = "local") -> Response:
        """The row that somebody holds, and what can be said of it."""
        return self._shown(name, by, None)

    def act(self, name: str, sent: Sent) -> Response:
        """Label or pass on the row that is held, and hand out the next one."""
        by, task, said = (sent.get(field, "") for field in ("by", "task", "said"))
        try:
            who = _actor(by)
            house = house_of(self._service)
            held = labelling.current(house, name, who) if task else None
            if task and said.strip() == SKIP and not (held and SKIP in held.choices):
                labelling.skip(house, name, task, who)
            elif task:
                labelling.give(house, name, task, meant(said, held.choices if held else ()), who)
            labelling.next_task(house, name, who)
        except KaizenError as error:
            return self._shown(name, by if _NAME.fullmatch(by) else "local", error)
        return RedirectResponse(f"/label/{quote(name, safe='')}?by={quote(by)}", 303)

    def _shown(self, name: str, by: str, error: KaizenError | None) -> Response:
        house, who = house_of(self._service), _actor(by)
        held, so_far = labelling.current(house, name, who), labelling.progress(house, name, who)
        named = who.removeprefix("person:")
        finished = f"{so_far.finished:,} of {counted(so_far.tasks, 'row')} finished"
        told = f"{named} · {finished} · {counted(so_far.mine, 'label')} by you"
        wrong = tag("p", f"{error.message} {error.hint}", class_="wrong", role="alert") if error else None
        body = _task(name, by, held) if held else _start(name, by, so_far.tasks - so_far.finished)
        header = tag("header", tag("h1", f"Label {name}"), tag("p", told, class_="quiet"), class_="top")
        return HTMLResponse(
            page(f"Label {name} – KaizenML", header, tag("main", wrong, body)),
            error.http_status if error else 200,
        )


def _start(name: str, by: str, left: int) -> Html:
    if not left:
        return tag("section", tag("p", "Nothing is left."))
    said = f"{counted(left, 'row')} {'waits' if left == 1 else 'wait'}."
    button = tag("button", "Hand me a row", autofocus="autofocus")
    return tag("section", tag("p", said), _form(name, {"by": by}, button))


def _task(name: str, by: str, held: Handed) -> Html:
    task, sent = held.task, {"by": by, "task": held.task.id}
    cells = [tag("div", tag("dt", column), _cell(value)) for column, value in task.row.items()]
    sure = f" ({task.probability:.0%})" if task.probability is not None else ""
    says = joined(f"{task.model or 'The model'} says ", tag("b", task.suggestion), f"{sure}.")
    key = _input(name="said", autofocus="autofocus", autocomplete="off", aria_label="Label", maxlength=200,
                 placeholder="number or first letters, then Enter")  # fmt: skip
    buttons = [
        tag("button", tag("kbd", number), " ", choice, name="said", value=choice,
            accesskey=number if number < 10 else None, class_="suggested" if choice == task.suggestion else None)
        for number, choice in enumerate(held.choices, 1)
    ]  # fmt: skip
    skip = tag("button", tag("kbd", SKIP), " skip", name="said", value=SKIP, class_="skip")
    return tag(
        "section",
        tag("p", f"Row {task.id} · {_WHY[task.why]} · yours until {held.until:%H:%M:%S} UTC", class_="quiet"),
        tag("dl", *cells, class_="row"),
        tag("p", says, class_="suggestion") if task.suggestion else None,
        _form(name, sent, key),  # a form of its own, so that Enter sends what was typed and presses no button
        _form(name, sent, *buttons, skip),
    )


def _form(name: str, sent: Mapping[str, str], *children: Html) -> Html:
    hidden = [_input(type="hidden", name=key, value=value) for key, value in sent.items()]
    return tag("form", *hidden, *children, class_="labelling", method="post", action=f"/label/{quote(name, safe='')}")


def _input(**attributes: str | int) -> Html:
    return Html(tag("input", **attributes).removesuffix("</input>"))


def _cell(value: object) -> Html:
    return tag("dd", "–", class_="quiet") if value is None else tag("dd", str(value)[:_LONGEST_CELL])


def _actor(by: str) -> str:
    if not _NAME.fullmatch(by):
        raise UsageError(f"{by[:80]!r} is no name.", "Letters, digits and . _ @ - will do.")
    return acting(by, is_said=by != "local")
