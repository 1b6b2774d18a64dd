"""Whatever a record needs outlives every clearing, in whatever order things happen; what nothing needs goes."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from record_samples import draft, job, model, release, run, snapshot

from kaizenml.core.digest import Digest
from kaizenml.core.job import JobState, Work
from kaizenml.core.mlflow.rows import File
from kaizenml.core.ports import Books
from kaizenml.core.run import Console, Run, RunState
from kaizenml.loop import contracting
from kaizenml.loop.clearing import GRACE, clear
from kaizenml.loop.needing import needs
from kaizenml.loop.wiring import open_house, read_settings

#: How a record comes to need a blob.
Naming = Callable[[Books, int, Digest], None]


def the_run(number: int, **said: object) -> Run:
    plain = replace(run(number, state=RunState.FINISHED), artefacts={}, console=None)
    return replace(plain, **said)


NAMINGS: dict[str, Naming] = {
    "artefact": lambda books, n, blob: books.runs.save(the_run(n, artefacts={"roc.svg": blob})),
    "console": lambda books, n, blob: books.runs.save(the_run(n, console=Console(blob, 7))),
    "code": lambda books, n, blob: books.runs.save(the_run(n, code=replace(run().code, files=blob))),
    "diff": lambda books, n, blob: books.runs.save(the_run(n, code=replace(run().code, diff=blob))),
    "model": lambda books, n, blob: books.models.add(replace(model(n), bundle=blob)),
    "release": lambda books, n, blob: books.releases.add(replace(release(n), wheel=blob)),
    "file": lambda books, n, blob: books.clients.keep_file(File(f"0/r/artifacts/{n}", blob, 3)),
    "job": lambda books, n, blob: books.jobs.enqueue(
        replace(job(n, work=Work.LOOK), state=JobState.DONE, finished_at=job(n).created_at, result={"document": blob})
    ),
}


def pin_plan(books: Books, number: int, blob: Digest) -> None:
    books.runs.save(the_run(number))
    books.snapshots.add(replace(snapshot(number), plan=Digest(f"{number:064x}")))
    contracting.remember(books, {f"{number:064x}": blob})


NAMINGS["snapshot"] = pin_plan


class Home(RuleBasedStateMachine):
    """Blobs are put, named, named by each other and forgotten, while what nobody needs is cleared away."""

    blobs = Bundle("blobs")
    unnamed = Bundle("unnamed")

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.house = open_house(read_settings(self.folder))
        self.number = 0
        self.content: dict[Digest, bytes] = {}
        self.needed_inside: dict[Digest, Digest] = {}
        self.named: set[Digest] = set()
        self.young: set[Digest] = set()

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.house.records.close()
            shutil.rmtree(self.folder)

    def put(self, content: bytes, *, is_old: bool) -> Digest:
        digest = self.house.blobs.put(content)
        self.content[digest] = content
        self.young |= {digest}
        if is_old:
            path = self.folder / ".kaizen/blobs/sha256" / digest[:2] / digest[2:4] / digest[4:]
            past = self.house.clock.now() - GRACE - timedelta(hours=1)
            os.utime(path, (past.timestamp(),) * 2)
            self.young -= {digest}
        return digest

    @rule(target=blobs, is_old=st.booleans())
    def somebody_puts_a_blob(self, is_old: bool) -> Digest:
        self.number += 1
        return self.put(f"model {self.number}".encode(), is_old=is_old)

    @rule(target=blobs, inner=blobs, is_old=st.booleans())
    def somebody_puts_a_list_of_blobs(self, inner: Digest, is_old: bool) -> Digest:
        self.number += 1
        if not self.house.blobs.hold(inner):
            self.put(self.content[inner], is_old=False)
        self.young |= {inner}
        outer = self.put(json.dumps({"n": self.number, "blocks": [inner]}).encode(), is_old=is_old)
        self.needed_inside[outer] = inner
        return outer

    @rule(blob=blobs, how=st.sampled_from(sorted(NAMINGS)))
    def a_record_comes_to_need_it(self, blob: Digest, how: str) -> None:
        self.number += 1
        if not self.house.blobs.hold(blob):  # it was cleared away, as whoever names it sees
            return
        self.young |= {blob}
        with self.house.records.writing() as books:
            NAMINGS[how](books, self.number, blob)
        self.named |= {blob}

    @rule(inner=blobs, how=st.sampled_from(sorted(NAMINGS)))
    def a_record_comes_to_need_a_list_of_blobs(self, inner: Digest, how: str) -> None:
        self.a_record_comes_to_need_it(self.somebody_puts_a_list_of_blobs(inner, is_old=True), how)

    @rule(blob=blobs)
    def a_journal_comes_to_need_it(self, blob: Digest) -> None:
        if not self.house.blobs.hold(blob):
            return
        self.young |= {blob}
        folder = self.folder / ".kaizen/journals/run-x"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "journal").open("a") as file:
            file.write(f'["artefact","x","{blob}"]\n')
        self.named |= {blob}

    @rule(blob=consumes(blobs))
    def the_log_tells_of_it(self, blob: Digest) -> None:
        with self.house.records.writing() as books:
            books.events.append(draft(digest=blob), self.house.clock.now())

    @rule()
    def days_pass(self) -> None:
        past = (self.house.clock.now() - GRACE - timedelta(hours=1)).timestamp()
        for path in (self.folder / ".kaizen/blobs/sha256").glob("*/*/*"):
            os.utime(path, (past, past))
        self.young.clear()

    @rule(is_rehearsal=st.booleans())
    def what_nobody_needs_is_cleared(self, is_rehearsal: bool) -> None:
        before = {each.digest for each in self.house.blobs.listed()}
        done = clear(self.house, cache_bytes=0, is_rehearsal=is_rehearsal, say=lambda _: None)
        after = {each.digest for each in self.house.blobs.listed()}

        garbage = before - self.reachable(before)
        assert done.blobs == len(garbage)
        assert before - after == (set() if is_rehearsal else garbage)

    def reachable(self, there: set[Digest]) -> set[Digest]:
        found = (self.named | self.young) & there
        while more := {self.needed_inside[each] for each in found if each in self.needed_inside} - found:
            found |= more
        return found

    @invariant()
    def all_that_is_needed_is_there(self) -> None:
        if not hasattr(self, "house"):
            return
        with self.house.records.reading() as books:
            wanted = {each.digest for each in needs(books)}
        for digest in wanted:
            assert self.house.blobs.get(digest) == self.content[digest]
            while (digest := self.needed_inside.get(digest)) is not None:
                assert self.house.blobs.get(digest) == self.content[digest]


Home.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestHome = Home.TestCase
