"""The process between a program and its terminal: passes on what comes, and keeps its beginning and its end.

Called with the file, the ends to read from, and for each the descriptor to pass on to, or -1 for what is only kept. It
imports next to nothing, because it starts with every run.
"""

import os
import select
import struct
import sys

HEAD, TAIL = 256 * 1024, 768 * 1024
COUNT = struct.Struct("<Q")


def main(arguments: list[str]) -> None:
    """Pass on and keep until every writer has closed its end."""
    file = os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    numbers = list(map(int, arguments[1:]))
    onward = dict(zip(numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :], strict=True))
    written = 0
    while onward:
        ready, _, _ = select.select(list(onward), [], [])
        for source in ready:
            try:
                block = os.read(source, 65536)
            except OSError:  # a terminal whose other end was closed
                block = b""
            if not block:
                del onward[source]
                continue
            if onward[source] >= 0:
                _pass_on(onward[source], block)
            written = _keep(file, block, written)


def _pass_on(descriptor: int, block: bytes) -> None:
    try:
        while block:
            block = block[os.write(descriptor, block) :]
    except OSError:
        return  # nobody reads on


def _keep(file: int, block: bytes, written: int) -> int:
    try:
        at = written
        while block:
            if at < HEAD:
                place, room = at, HEAD - at
            else:
                place = HEAD + (at - HEAD) % TAIL
                room = HEAD + TAIL - place
            part, block = block[:room], block[room:]
            os.pwrite(file, part, COUNT.size + place)
            at += len(part)
        os.pwrite(file, COUNT.pack(at), 0)
        return at
    except OSError:
        return written  # a full disk: the program's own output still goes on


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)  # somebody waits, and there is nothing to tidy up
