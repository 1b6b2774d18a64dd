"""Releases, approvals, rollouts and the champion, driven at random through the loop and held against a small model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from trained_shop import trained_shop

from kaizenml.core.approval import Review
from kaizenml.core.digest import digest_of
from kaizenml.core.event import verify
from kaizenml.core.gate import Check, Verdict
from kaizenml.core.release import Parts, Release, ReleaseState
from kaizenml.errors import RefusedError
from kaizenml.loop import delivering, releasing
from kaizenml.loop.wiring import House

PEOPLE = ("person:ada", "person:bob", "person:eve")
DAYS = 10


@dataclass
class Known:
    """What the model knows of a release."""

    state: str
    author: str
    needed: int
    has_passed: bool
    approvals: dict[str, datetime] = field(default_factory=dict)

    def valid(self, now: datetime) -> set[str]:
        return {who for who, until in self.approvals.items() if now < until}


class Stepping:
    """A clock that is set by hand."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time


class Machine(RuleBasedStateMachine):
    """The hundred lines that say what should happen; the loop on real books does it."""

    names = Bundle("names")
    house: House
    first: Release

    @initialize()
    def begin(self):
        template, fresh = trained_shop()
        self.clock = Stepping(template.created_at)
        self.house, self.first = replace(fresh, clock=self.clock), template
        self.known: dict[str, Known] = {}
        self.champion = self.previous = self.challenger = ""
        self.step = 0

    def act(self, is_allowed: bool, what) -> bool:
        """Do it; it must be refused exactly when the model says so, and then nothing may have changed."""
        try:
            what()
        except RefusedError:
            assert not is_allowed
            return False
        assert is_allowed
        return True

    @rule(target=names, passes=st.booleans(), needed=st.sampled_from([1, 1, 2]), author=st.sampled_from(PEOPLE))
    def propose(self, passes, needed, author):
        number = len(self.known) + 1
        parts = Parts(*(digest_of([number, part]) for part in range(5)))
        state = ReleaseState.GATED if passes else ReleaseState.PROPOSED
        verdict = Verdict((Check("at_least(f1)", passes, 0.5, 0.4, "f1 is 0.5."),))
        made = replace(
            self.first, number=number, parts=parts, digest=parts.digest, author=author, state=state, verdict=verdict,
            review=Review(needed, days=DAYS), approvals=(), hands=(), approved_by="", approved_at=None, wheel=None,
        )  # fmt: skip
        with self.house.records.writing() as books:
            cause = books.events.newest(limit=1)[0].id
            releasing.propose(books, self.house, made, cause=cause)
        self.known[made.name] = Known(str(state), author, needed, passes)
        return made.name

    @rule(name=names, who=st.sampled_from(PEOPLE), override=st.booleans())
    def approve(self, name, who, override):
        of, now = self.known[name], self.clock.now()
        state = "gated" if override and of.state == "proposed" else of.state
        may = (of.state == "proposed") == override
        may &= state == "gated" or (state == "packaged" and len(of.valid(now)) < of.needed)
        may &= who != of.author and who not in of.valid(now)
        if self.act(may, lambda: releasing.approve(self.house, name, who, override=override, because="so")):
            of.approvals = {each: until for each, until in of.approvals.items() if now < until}
            of.approvals[who] = now + timedelta(days=DAYS)
            is_enough = len(of.approvals) >= of.needed
            of.state = "packaged" if state == "packaged" or is_enough else "gated"
            of.has_passed = True

    @rule(name=names)
    def approve_by_all(self, name):
        for who in PEOPLE:
            self.approve(name, who, self.known[name].state == "proposed")

    @rule(name=names, who=st.sampled_from(PEOPLE))
    def decline(self, name, who):
        of = self.known[name]
        may = of.state in ("proposed", "gated", "packaged") and name != self.challenger
        if self.act(may, lambda: releasing.decline(self.house, name, who, "no")):
            of.state = "declined"

    @rule(name=names, in_shadow=st.booleans())
    def ship(self, name, in_shadow):
        of = self.known[name]
        may = of.state == "packaged" and len(of.valid(self.clock.now())) >= of.needed and not self.challenger

        def shipped():
            with self.house.records.writing() as books:
                delivering.ship(books, self.house, name, "person:ada", canary=(5, 50, 100), in_shadow=in_shadow)

        if self.act(may, shipped):
            if self.champion:
                self.challenger, self.step = name, -1 if in_shadow else 0
            else:
                self.champion, of.state = name, "live"

    @precondition(lambda self: "packaged" in {each.state for each in self.known.values()})
    @rule(data=st.data())
    def ship_too_late(self, data):
        packaged = [name for name, each in self.known.items() if each.state == "packaged"]
        self.wait(DAYS + 1)
        self.ship(data.draw(st.sampled_from(packaged)), in_shadow=False)

    @precondition(lambda self: self.challenger)
    @rule()
    def advance(self):
        with self.house.records.writing() as books:
            delivering.advance(books, self.house, self._rollout(books), "better")
        self.step += 1
        if self.step == 2:
            self.known[self.champion].state, self.known[self.challenger].state = "retired", "live"
            self.champion, self.previous, self.challenger = self.challenger, self.champion, ""

    @precondition(lambda self: self.champion)
    @rule()
    def roll_back(self):
        def back():
            with self.house.records.writing() as books:
                delivering.roll_back(books, self.house, self.first.project, "person:bob")

        if self.act(bool(self.challenger or self.previous), back):
            if self.challenger:
                self.known[self.challenger].state, self.challenger = "rolled back", ""
            else:
                self.known[self.champion].state, self.known[self.previous].state = "rolled back", "live"
                self.champion, self.previous = self.previous, ""

    @rule(days=st.sampled_from([1, 11]))
    def wait(self, days):
        self.clock.time += timedelta(days=days)

    @rule()
    def look(self):
        releasing.package_what_was_left(self.house)  # there is nothing left, so nothing happens

    @invariant()
    def the_books_say_what_the_model_says(self):
        if not hasattr(self, "known"):
            return
        with self.house.records.reading() as books:
            stored = {each.name: each for each in books.releases.newest(self.first.project, limit=1000)}
            endpoint = books.endpoints.find(self.first.project)
            assert {name: str(each.state) for name, each in stored.items()} == {
                name: each.state for name, each in self.known.items()
            }
            live = [name for name, each in stored.items() if each.state is ReleaseState.LIVE]
            assert live == ([endpoint.champion] if endpoint else [])
            assert (endpoint.champion, endpoint.previous) == (self.champion, self.previous) if endpoint else True
            for name in live:
                assert (
                    len({each.by for each in stored[name].approvals} - {stored[name].author}) >= self.known[name].needed
                )
            if endpoint and endpoint.rollout:
                assert self._rollout(books).challenger == self.challenger

    def teardown(self):
        if hasattr(self, "known"):
            with self.house.records.reading() as books:
                assert verify(books.events.after(limit=100_000)) > 0
            self.house.records.close()

    def _rollout(self, books):
        return books.endpoints.rollout(books.endpoints.get(self.first.project).rollout)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=20, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
