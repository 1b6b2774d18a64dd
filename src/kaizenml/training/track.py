"""What a program says of its run: parameters, metrics, tags, data and files, each durable when the call returns."""

from __future__ import annotations

import io
import itertools
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kaizenml.core.digest import Digest, digest_of_bytes
from kaizenml.core.ports import Blobs
from kaizenml.core.run import Run, RunState
from kaizenml.errors import StateError, UsageError, bounded
from kaizenml.training.journal import Journal, Kept, Points, Read, Words

_LONGEST_NAME, _LONGEST_TEXT = 250, 8_000
_LARGEST_STEP = 2**63 - 1

#: Called once, when the run ends: its state, and what went wrong.
End = Callable[["TrackedRun", RunState, str], None]


class TrackedRun:
    """A run that goes on: what you log is in its journal when the call returns, and in the records soon after.

    Made by `kaizenml.run`. Every method may be called from any thread, and from processes that were forked from this
    one. A process that is killed loses nothing of what a call that returned has logged; `flush` makes it survive a
    power loss as well.
    """

    def __init__(self, run: Run, journal: Journal, blobs: Blobs, end: End) -> None:
        self._run, self._journal, self._blobs, self._end = run, journal, blobs, end
        self._steps = itertools.count()
        self._names: set[str] = set()
        self._parameters = dict(run.parameters)
        self._is_over = False
        self.fits = 0  # of models, as autologging counts them

    @property
    def id(self) -> str:
        """What the run is called in lists and commands."""
        return self._run.id

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._is_over

    def log(self, values: Mapping[str, float] | None = None, /, *, step: int | None = None, **metrics: float) -> None:
        """Add a point to the series of each metric.

        Parameters
        ----------
        values, metrics
            Numbers by name: ``run.log(loss=0.3)``, or ``run.log({"val/loss": 0.3})`` for names with signs in them.
            NaN and infinities are kept.
        step
            Which iteration; without one, the number of the call, from 0.

        Raises
        ------
        UsageError
            For what is no number, and names that are empty or longer than 250 letters.
        """
        given = metrics if values is None else {**values, **metrics}
        names = self._names
        for name, value in given.items():
            if type(value) is not float or name not in names:
                given = self._checked(given)
                break
        if step is None:
            step = next(self._steps)
        elif type(step) is not int or not -_LARGEST_STEP <= step <= _LARGEST_STEP:
            step = _step(step)
        self._write(Points(time.time_ns() // 1000, step, given))

    def log_params(self, values: Mapping[str, object] | None = None, /, **parameters: object) -> None:
        """Set parameters. One that is set stays: setting it to something else is refused.

        Raises
        ------
        UsageError
            When a parameter has another value already.
        """
        given = {_name("parameter", name): plain(value) for name, value in {**(values or {}), **parameters}.items()}
        changed = [name for name, value in given.items() if self._parameters.get(name, value) != value]
        if changed:
            raise UsageError(
                f"The parameter {changed[0]!r} is {self._parameters[changed[0]]!r} already; it cannot become "
                f"{given[changed[0]]!r}.",
                "Parameters stay as they were set. Log what changes as a metric, or begin another run.",
            )
        self._parameters |= given
        self._write(Words(given, {}))

    def set_tags(self, values: Mapping[str, object] | None = None, /, **tags: object) -> None:
        """Set tags, in place of those of the same names."""
        given = {**(values or {}), **tags}
        self._write(Words({}, {_name("tag", name): str(value)[:_LONGEST_TEXT] for name, value in given.items()}))

    def log_artifact(self, path: Path | str, name: str = "") -> None:
        """Keep a file, or every file in a folder, under its own name or another.

        Raises
        ------
        UsageError
            When there is no such file.
        """
        source = Path(path)
        if source.is_dir():
            for file in sorted(each for each in source.rglob("*") if each.is_file()):
                self.log_bytes(file.read_bytes(), f"{name or source.name}/{file.relative_to(source).as_posix()}")
            return
        if not source.is_file():
            raise UsageError(f"There is no file {str(path)!r} to keep.", "Write it first, or mend the path.")
        self.log_bytes(source.read_bytes(), name or source.name)

    def log_bytes(self, content: bytes, name: str) -> Digest:
        """Keep bytes as a file of this name; return their digest."""
        checked = _path(name)
        digest = self._blobs.put(content)
        self._write(Kept(checked, digest))
        return digest

    def log_text(self, text: str, name: str) -> None:
        """Keep text as a file of this name."""
        self.log_bytes(text.encode(), name)

    def log_frame(self, frame: Any, name: str) -> None:
        """Keep a table (Polars or pandas) as a Parquet file of this name."""
        self.log_bytes(_parquet(frame), name if name.endswith(".parquet") else f"{name}.parquet")

    def log_figure(self, figure: Any, name: str) -> None:
        """Keep a Matplotlib figure as a file of this name; its ending says in which format."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format=Path(name).suffix.lstrip(".") or "png")
        self.log_bytes(buffer.getvalue(), name)

    def log_data(self, name: str, data: Any) -> Digest:
        """Note which data were read: the digest of a table, a file or bytes. The data themselves are not kept.

        The digest of a table is that of its rows as Parquet, so the same rows in the same order have the same digest.
        """
        if isinstance(data, (str, Path)):
            digest = _digest_of_file(Path(data))
        else:
            digest = digest_of_bytes(data if isinstance(data, bytes) else _parquet(data))
        self._write(Read(_name("data set", name), digest))
        return digest

    def flush(self) -> None:
        """Return once everything that was logged is on the disk."""
        self._open_journal().flush()

    def finish(self, error: str = "") -> None:
        """End the run: finished, or with an error failed. Ending it again changes nothing."""
        if not self._is_over:
            self._end(self, RunState.FAILED if error else RunState.FINISHED, error)
            self._is_over = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_exit = isinstance(error, SystemExit) and not error.code
        self.finish("" if error is None or is_exit else f"{type(error).__name__}: {error}"[:2000])

    def __repr__(self) -> str:
        return f"<run {self.id}{': over' if self._is_over else ''}>"

    def _write(self, entry: Any) -> None:
        if self._is_over:
            self._open_journal()
        self._journal.append(entry)

    def _open_journal(self) -> Journal:
        if self._is_over:
            raise StateError(f"The run {self.id} is over.", "Log before it ends, or begin another one: `kz.run()`.")
        return self._journal

    def _checked(self, given: Mapping[str, Any]) -> dict[str, float]:
        found = {_name("metric", name): _number(name, value) for name, value in given.items()}
        self._names |= found.keys()
        return found


def plain(value: object) -> object:
    """Return a parameter as it is kept: text, a number, a boolean or None; anything else as the text of it."""
    if value is None or isinstance(value, (bool, str)):
        return value[:_LONGEST_TEXT] if isinstance(value, str) else value
    if isinstance(value, (int, float)):
        number: int | float = int(value) if isinstance(value, int) else float(value)
        is_plain = math.isfinite(number) and abs(number) < 2**63
        return number if is_plain else str(number)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 1) == 0:
        return plain(item())
    return str(value)[:_LONGEST_TEXT]


def _number(name: str, value: Any) -> float:
    try:
        item = getattr(value, "item", None)
        number = float(item() if callable(item) else value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        shown = repr(value)[:80]
        raise UsageError(
            f"The metric {name!r} is no number: {shown}.", "Log numbers; text belongs into tags or parameters."
        ) from None
    return number


def _name(what: str, name: object) -> str:
    if isinstance(name, str) and name.strip() and name.isprintable() and len(name) <= _LONGEST_NAME:
        return name
    raise UsageError(f"{str(name)[:80]!r} is no name for a {what}.", f"Use 1 to {_LONGEST_NAME} printable characters.")


def _step(step: Any) -> int:
    try:
        number = int(step)
    except (TypeError, ValueError, OverflowError):
        number = _LARGEST_STEP + 1
    if number != step or not -_LARGEST_STEP <= number <= _LARGEST_STEP:
        raise UsageError(f"{step!r} is no step.", "A step is a whole number.")
    return number


def _path(name: str) -> str:
    parts = _name("file", name.replace("\\", "/").strip("/")).split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise UsageError(f"{name!r} is no path for an artefact.", f"Leave out {bounded(['.', '..', '//'])}.")
    return "/".join(parts)


def _parquet(frame: Any) -> bytes:
    import polars as pl

    if type(frame).__module__.partition(".")[0] == "pandas":
        frame = pl.from_pandas(frame)
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if not isinstance(frame, pl.DataFrame):
        raise UsageError(f"{type(frame).__name__} is no table.", "Give a DataFrame of Polars or pandas.")
    buffer = io.BytesIO()
    frame.write_parquet(buffer, statistics=False)
    return buffer.getvalue()


def _digest_of_file(path: Path) -> Digest:
    import hashlib

    if not path.is_file():
        raise UsageError(f"There is no file {str(path)!r}.", "Mend the path.")
    with path.open("rb") as file:
        return Digest(hashlib.file_digest(file, "sha256").hexdigest())
