"""The routes of webhooks: who is told, in MLflow's form, of what happens in the registry."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from kaizenml.core.account import Permission
from kaizenml.interfaces.http.access import acting
from kaizenml.interfaces.http.mlflow.desk import Desk
from kaizenml.interfaces.http.mlflow.reading import Message, Whole, missing
from kaizenml.interfaces.http.mlflow.table import Caller, Table
from kaizenml.interfaces.http.mlflow.versions import page
from kaizenml.loop import mlflow_hooks as hooks

_ROOT = "/api/2.0/mlflow/webhooks"
_ONE = f"{_ROOT}/{{webhook_id}}"


class EventOf(Message):
    """What a webhook is told of, such as ``MODEL_VERSION`` and ``CREATED``."""

    entity: str | None = None
    action: str | None = None


class Fields(Message):
    """What may be said of a webhook."""

    name: str | None = None
    url: str | None = None
    events: list[EventOf] | None = None
    description: str | None = None
    secret: str | None = None
    status: str | None = None

    @property
    def by(self) -> str:
        """Who asks, as the event log names them."""
        return acting("local", is_said=False)

    def wanted(self) -> hooks.Wanted:
        """Return what the webhook shall be; empty names and addresses are not said."""
        events = None
        if self.events is not None:
            events = tuple(hooks.event_name(each.entity, each.action) for each in self.events)
        return hooks.Wanted(self.name or None, self.url or None, events, self.description, self.secret, self.status)


class Create(Fields):
    """A new webhook."""

    needed: ClassVar[tuple[str, ...]] = ("name", "url")


class Change(Fields):
    """A webhook, and what shall be otherwise; the id is from the route."""

    webhook_id: str = ""


class Listed(Message):
    """A page of webhooks."""

    max_results: Whole | None = None
    page_token: str | None = None
    caller: Caller | None = None


class OfHook(Message):
    """A webhook; the id is from the route."""

    webhook_id: str = ""
    caller: Caller | None = None

    @property
    def by(self) -> str:
        """Who asks, as the event log names them."""
        return acting("local", is_said=False)


class Test(OfHook):
    """A webhook, and of which event an example shall be sent."""

    event: EventOf | None = None


def add_hooks(table: Table, desk: Desk) -> None:
    """Add the routes; as of all subscriptions, operators see them and admins make them."""
    of, see, do = Hooks(desk), Permission.OPERATE, Permission.ADMIN
    table.call("GET", _ROOT, of.listed, Listed, permission=see)
    table.call("POST", _ROOT, of.create, Create, permission=do)
    table.call("GET", _ONE, of.get, OfHook, permission=see)
    table.call("PATCH", _ONE, of.update, Change, permission=do)
    table.call("DELETE", _ONE, of.delete, OfHook, permission=do)
    table.call("POST", f"{_ONE}/test", of.test, Test, permission=do)


class Hooks:
    """One method for each route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def listed(self, told: Listed) -> object:
        """Return the webhooks that MLflow's clients made, their addresses whole for admins only."""
        most, house, whole = told.max_results or hooks.MOST_HOOKS_UNLESS_TOLD, self._desk.house, _sees_all(told.caller)
        token = told.page_token or ""
        found, after = self._desk.read(lambda books: hooks.listed(books, house, most, token, whole=whole))
        return page("webhooks", found, after)

    def create(self, told: Create) -> object:
        """Tell an address, in MLflow's form, what happens in the registry from now on."""
        if told.events is None:
            raise missing("events")
        house, wanted = self._desk.house, told.wanted()
        hooks.check(house, wanted)
        return {"webhook": self._desk.write(lambda books: hooks.create(books, house, told.by, wanted))}

    def get(self, told: OfHook) -> object:
        """Return a webhook, its address whole for admins only."""
        house, whole = self._desk.house, _sees_all(told.caller)
        return {"webhook": self._desk.read(lambda books: hooks.get(books, house, told.webhook_id, whole=whole))}

    def update(self, told: Change) -> object:
        """Change a webhook, or switch it off and on."""
        house, wanted = self._desk.house, told.wanted()
        wanted = replace(wanted, events=wanted.events or None)  # an empty list is not said
        self._desk.read(lambda books: hooks.find(books, told.webhook_id))
        hooks.check(house, wanted)
        of = (told.by, told.webhook_id, wanted)
        return {"webhook": self._desk.write(lambda books: hooks.update(books, house, *of))}

    def delete(self, told: OfHook) -> None:
        """Tell a webhook nothing more."""
        house = self._desk.house
        self._desk.write(lambda books: hooks.delete(books, house, told.by, told.webhook_id))

    def test(self, told: Test) -> object:
        """Send a webhook an example now, and say what came of it."""
        event = hooks.event_name(told.event.entity, told.event.action) if told.event is not None else ""
        self._desk.read(lambda books: hooks.find(books, told.webhook_id))
        return {"result": hooks.test(self._desk.house, told.by, told.webhook_id, event)}


def _sees_all(caller: Caller | None) -> bool:
    return caller is not None and Permission.ADMIN in caller.granted
