"""A worker of a cluster: loads the project from its code once, and performs tasks with the values that come along."""

from __future__ import annotations

import atexit
import shutil
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from kaizenml.core.digest import Digest
from kaizenml.core.step import Ingredients, Kept
from kaizenml.core.task import Task
from kaizenml.errors import KaizenError, StepFailedError
from kaizenml.loop.loading import Loaded, load_code
from kaizenml.loop.performing import Performer, performer
from kaizenml.training.serialize import deserialized, serialized
from kaizenml.training.shelf import Shelf


class Brought:
    """The values that came with a task, where a step cache would be: nothing is found here, and nothing kept."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents

    def put(self, content: bytes) -> str:
        """Refuse: what comes of a task goes back to who asked for it, and is sealed there."""
        raise StepFailedError(f"A worker has no cache to keep {len(content):,} bytes in.", "Report this.")

    def get(self, blob: str) -> bytes | None:
        """Return the bytes that came along under this name."""
        return self._contents.get(blob)

    def find(self, *keys: str) -> list[Kept]:  # noqa: ARG002
        """Return nothing: whoever hands out tasks has looked already."""
        return []

    def keep(self, key: str, kept: Kept) -> None:
        """Keep nothing."""

    def last(self, step: str) -> Ingredients | None:  # noqa: ARG002
        """Return nothing."""
        return None

    def remember(self, step: str, ingredients: Ingredients) -> None:
        """Remember nothing."""

    def together(self) -> AbstractContextManager[None]:
        """Change nothing."""
        return nullcontext()


def load(code: Mapping[str, bytes], digest: Digest) -> None:
    """Load the project, so that performing one of its tasks takes only as long as that; `perform` tells what fails."""
    with suppress(Exception):
        _project(digest, _Code(code))


def perform(code: Mapping[str, bytes], digest: Digest, content: bytes, contents: Mapping[str, bytes]) -> bytes:
    """Perform a task, and return the bytes of ``("done", Outcome)`` or ``("failed", KaizenError)``.

    Parameters
    ----------
    code, digest
        The files of the project, and their identity.
    content
        The bytes of the task.
    contents
        The bytes of its values, by their names in the cache of who asks.
    """
    task: Task | None = None
    answer: tuple[str, object]
    try:
        loaded, known = _project(digest, _Code(code))
        with loaded.at_hand():
            task = deserialized(content)
            outcome = replace(known, shelf=Shelf(Brought(contents), known.code.of_code))(task)
            answer = ("done", replace(outcome, value=None))
    except KaizenError as error:
        answer = ("failed", StepFailedError(error.message, error.hint, error.details))
    except Exception as error:
        name = task.step if task else "?"
        answer = ("failed", StepFailedError(f"The step `{name}` failed: {error!r}"[:500]))
    sys.stdout.flush()
    return serialized(answer)


class _Code:
    """Files of a project; all are alike to the memory of `_project`, which goes by their digest."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Code)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=4)
def _project(digest: Digest, code: _Code) -> tuple[Loaded, Performer]:
    loaded = load_code(code.files)
    atexit.register(shutil.rmtree, loaded.folder, ignore_errors=True)
    if loaded.digest != digest:
        raise StepFailedError("The project's code arrived damaged at a worker.", "Run it again.")
    return loaded, performer(loaded, Brought({}), Path(loaded.folder, ".kaizen"))
