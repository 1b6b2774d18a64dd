"""What a child process needs too, without the seconds that scikit-learn takes to import."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from kaizenml.core.endpoint import Routes, Served
from kaizenml.core.metric import Task
from kaizenml.core.schema import Column, ColumnKind
from kaizenml.core.signature import Answer, Signature
from kaizenml.errors import RowError

FARE = Column("fare", ColumnKind.NUMBER, example=7.25)
NUMBERS = Signature(Task.REGRESSION, "price", (FARE,), target_type="number")


@dataclass
class ConstantScorer:
    """Answers the same for every row, after some seconds; may wait for a gate, and may raise."""

    value: float = 1.0
    seconds: float = 0.0
    signature: Signature = NUMBERS
    error: BaseException | None = None
    batches: list[int] = field(default_factory=list)

    def answer(self, rows):
        self.batches.append(len(rows))
        if self.seconds:
            time.sleep(self.seconds)
        if self.error:
            raise self.error
        if any(row["fare"] == -1 for row in rows):
            number = next(number for number, row in enumerate(rows) if row["fare"] == -1)
            raise RowError("no fare", "", {"rows": [{"row": number, "column": "fare", "problem": "is -1"}]})
        return tuple(Answer(self.value) for _ in rows)


def write_routes(path, *routes, generation=1, digests=None):
    names = {name for route in routes for name in (route.champion, route.challenger, *route.warm) if name}
    bundles = {name: (digests or {}).get(name, "0" * 64) for name in names}
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(Routes(generation, routes, bundles)))
    beside.replace(path)


@dataclass
class Place:
    """A folder with a routes file, a status file and a spool."""

    folder: Path

    def __post_init__(self):
        self.routes, self.status, self.spool = (self.folder / name for name in ("routes.json", "served.json", "spool"))

    def served(self):
        try:
            return msgspec.json.decode(self.status.read_bytes(), type=Served)
        except FileNotFoundError:
            return Served(0, (), {}, 0)

    def wait_for_generation(self, generation, seconds=10.0):
        deadline = time.monotonic() + seconds
        while self.served().generation != generation:
            assert time.monotonic() < deadline, f"generation {generation} was not reached: {self.served()}"
            time.sleep(0.01)
        return self.served()
