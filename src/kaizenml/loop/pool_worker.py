"""A process of a pool: loads the project once, and performs what comes over its socket until that is closed."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from kaizenml.core.process import end_with
from kaizenml.errors import KaizenError, StepFailedError
from kaizenml.loop.attributed import attribute, title
from kaizenml.loop.loading import load_folder
from kaizenml.loop.performing import elsewhere, performer
from kaizenml.loop.wiring import open_step_cache_at
from kaizenml.training.serialize import deserialized, serialized


def main(folder: str, digest: str, cache_folder: str, number: str) -> None:
    """Serve one pool.

    Parameters
    ----------
    digest
        Of the project's code: where it has changed meanwhile, nothing is performed.
    number
        Of the open socket.
    """
    end_with(os.getppid())
    pipe, streams = Connection(int(number)), attribute()
    cache = open_step_cache_at(Path(cache_folder))
    loaded = load_folder(Path(folder))
    with loaded.at_hand():
        perform = performer(loaded, cache, Path(cache_folder).parent)
        with suppress(OSError):  # the run may be over by now, as the loop below then finds
            pipe.send_bytes(b"ready")
        while True:
            try:
                content = pipe.recv_bytes()
            except (EOFError, OSError):
                return
            task = deserialized(content)
            for stream in streams:
                stream.title(title(task))
            answer: tuple[str, object]
            try:
                if loaded.digest != digest:
                    raise StepFailedError("The project's code has changed while it ran.", "Run it again.")
                answer = ("done", elsewhere(perform, cache, task))
            except KaizenError as error:
                answer = ("failed", StepFailedError(error.message, error.hint, error.details))
            except Exception as error:
                answer = ("failed", StepFailedError(f"The step `{task.step}` failed: {error!r}"[:500]))
            for stream in streams:
                stream.title("")
            pipe.send_bytes(serialized(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
