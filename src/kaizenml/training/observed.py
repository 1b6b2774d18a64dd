"""What a step read beside its inputs, as seen while it ran, and whether that still holds.

A step that ran and read a file, listed a folder, asked for a variable or checked whether a file is there depends on it:
its result is kept with what was seen, and taken again only while all of it is the same. What cannot be compared later,
such as an answer from the network, forbids keeping the result.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from kaizenml.training.fingerprint import Fingerprint
from kaizenml.training.reach.content import content_digest, listing_digest, text_digest
from kaizenml.training.reach.firstparty import FirstParty
from kaizenml.training.reach.names import imported_files
from kaizenml.training.reach.opened import Happened, Opened
from kaizenml.training.reach.patterns import Pattern, matches_digest, pattern_asked_for
from kaizenml.training.reach.watch import unwatched, watched_by

__all__ = ["Observation", "Observed", "observing", "still_holds", "unwatched"]

_SYSTEM = ("/proc/", "/sys/", "/dev/", "/usr/", "/lib/", "/lib64/", "/opt/")
_CHANCE = ("/dev/urandom", "/dev/random")
_NETWORK = {
    "socket.connect": "it talks over the network",
    "socket.getaddrinfo": "it talks over the network",
    "socket.sendto": "it talks over the network",
    "urllib.Request": "it talks over the network",
    "http.client.connect": "it talks over the network",
    "subprocess.Popen": "it starts another program",
    "os.system": "it starts another program",
    "os.exec": "it starts another program",
    "os.posix_spawn": "it starts another program",
    "os.fork": "it starts another process",
    "os.forkpty": "it starts another process",
    "pty.spawn": "it starts another program",
    "os.chdir": "it changes the working folder",
}


@dataclass(frozen=True, slots=True)
class Observed:
    """What a step read beside its inputs.

    Parameters
    ----------
    files
        Path to digest of the content as it was read; None for a file that was looked for and not there. Paths in the
        project's folder are seen from it. A module of the project counts without comments and formatting.
    modules
        The same for modules of the project that were imported while the step ran.
    listings
        Folder to digest of its names.
    patterns
        Patterns of names that were looked for, each with a digest of what matched.
    environment
        Variable to digest of its value; None if it was not set.
    written
        Files that the step wrote, with what they held in the end: a result is only taken again while they are there.
    forbidden
        Reasons why the result must not be kept.
    """

    files: Mapping[str, str | None] = field(default_factory=dict)
    modules: Mapping[str, str | None] = field(default_factory=dict)
    listings: Mapping[str, str | None] = field(default_factory=dict)
    patterns: tuple[tuple[Pattern, str], ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    written: Mapping[str, str | None] = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()


@contextmanager
def observing(
    code: FirstParty, found: Fingerprint | None = None, *, ignore: Sequence[Path] = ()
) -> Iterator[Observation]:
    """Watch what the code in the block reads; ask the observation afterwards.

    Parameters
    ----------
    code
        The project: its modules are recognised, its folder is where paths are seen from.
    found
        The fingerprint of the step that runs: it covers modules that are imported only now, names files, and knows
        the functions that remember results; these are emptied, so that what they read is seen.
    ignore
        Folders that are no input: the store of this package, and its logs.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "rates.txt").write_text("1.5")
    >>> with observing(FirstParty(folder, {}, {})) as seen:
    ...     rate = float((folder / "rates.txt").read_text())
    >>> observed = seen.observed()
    >>> list(observed.files)
    ['rates.txt']
    >>> _ = (folder / "rates.txt").write_text("1.6")
    >>> still_holds(observed, FirstParty(folder, {}, {}))
    'the file `rates.txt` changed'
    """
    ignored = tuple(os.path.realpath(each) + os.sep for each in ignore)
    observation = Observation(code, ignored, found)
    with unwatched():
        for each in found.caches if found else ():
            each.cache_clear()  # type: ignore[attr-defined]
        opened = _opened_in(code, ignored)
        happened = opened.start()
    try:
        with watched_by(observation):
            yield observation
    finally:
        with unwatched():
            opened.stop(happened)
            observation.opened(happened)


def _opened_in(code: FirstParty, ignored: tuple[str, ...]) -> Opened:
    if ("opened", ignored) not in code.memo:
        code.memo["opened", ignored] = Opened(code.folder, lambda path: path.startswith(ignored))
    return code.memo["opened", ignored]  # type: ignore[no-any-return]


class Observation:
    """What is seen of a running step."""

    def __init__(self, code: FirstParty, ignore: tuple[str, ...], found: Fingerprint | None) -> None:
        self._code = code
        self._known = found.late if found else frozenset()
        self._names_made = found.names_made if found else ()
        self._ignored = ignore
        self._read: dict[str, str | None] = {}
        self._written: dict[str, None] = {}
        self._listed: dict[str, str | None] = {}
        self._patterns: dict[Pattern, str] = {}
        self._listed_for_patterns: set[str] = set()
        self._lists_unseen = not found or bool({"pyarrow", "duckdb"} & set(found.packages))
        self._made: tuple[str, ...] = ()
        self._modules: dict[str, str | None] = {}
        self._variables: dict[str, str | None] = {}
        self._forbidden: dict[str, None] = {}
        self._named = dict.fromkeys(found.files if found else ())

    def observed(self) -> Observed:
        """Return what was seen; a file that changed after it was read forbids keeping the result."""
        patterns = ((each._replace(root=self._seen(each.root)), was) for each, was in self._patterns.items())
        with unwatched():
            for path, digest in self._read.items():
                if content_digest(path) != digest:
                    self._forbidden[f"the file `{self._seen(path)}` changed while it ran"] = None
            written = {path: digest for path in self._written if (digest := content_digest(path)) is not None}
            written = {path: digest for path, digest in written.items() if digest != "special"}
            return Observed(
                files={self._seen(path): each for path, each in sorted(self._read.items())},
                modules=dict(sorted(self._modules.items())),
                listings={self._seen(path): each for path, each in sorted(self._listed.items())},
                patterns=tuple(patterns),
                environment=dict(sorted(self._variables.items())),
                written={self._seen(path): each for path, each in sorted(written.items())},
                forbidden=tuple(self._forbidden),
            )

    def opened(self, happened: Happened) -> None:
        """Take note of files that libraries opened by themselves."""
        for path in sorted(happened.changed):
            if (told := self._found(path)) and os.path.isfile(path):
                self._written.setdefault(told)
        opened = [path for path in sorted(happened.opened) if not path.endswith((".py", ".pyc"))]
        unseen = [path for path in opened if path not in self._read and path not in self._written]
        for path in opened:
            self._file(path)
        for path in sorted(happened.listed):
            is_explained = path in self._listed_for_patterns and not any(
                each.startswith(path + os.sep) for each in unseen
            )
            if is_explained and not self._lists_unseen:
                continue  # a library that lists it too would have opened a file in it
            if os.path.isdir(path) and not any(each.endswith(".py") for each in os.listdir(path)):
                self._folder(path)
        for path in self._named:
            whole = str(self._code.folder / path)
            (self._folder if os.path.isdir(whole) else self._file)(whole)
        if self._names_made and not (happened.is_whole and opened) and not self._read:
            self._forbidden[self._names_made[0]] = None

    def happened(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take note of one event."""
        if event in ("import", "pickle.find_class", "named"):
            self._imported(event, str(arguments[0]), asked_by=arguments[1])
            return
        if _is_by_import(self._code):
            return
        if event == "open":
            self._opened(*arguments[:3])
        elif event == "stat" and not self._is_shown(arguments[0]):
            self._file(arguments[0])
        elif event in ("os.listdir", "os.scandir"):
            self._names(arguments[0])
        elif event == "os.mkdir":
            self._folder_made(arguments[0])
        elif event == "environment":
            self._variable(*arguments)
        elif event == "sqlite3.connect" and arguments[0] not in (":memory:", ""):
            self._file(arguments[0])
            self._file(f"{os.fsdecode(arguments[0])}-wal")
        elif event == "ctypes.dlopen" and arguments[0]:
            self._library(os.fsdecode(arguments[0]))
        elif event in ("os.putenv", "os.unsetenv", "environment.all") and self._is_by_project():
            what = "asks for all environment variables" if event == "environment.all" else "sets environment variables"
            self._forbidden[f"it {what}"] = None
        elif event in _NETWORK:
            self._forbidden[f"{_NETWORK[event]} ({event})"] = None

    def _opened(self, path: Any, mode: str | None, flags: int) -> None:
        if isinstance(path, int) or self._is_shown(path):
            return
        is_written = any(each in mode for each in "wax+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR))
        is_read = not is_written or (("r" in mode or "a" in mode) if mode else bool(flags & os.O_RDWR))
        is_read &= not (flags & os.O_CREAT and flags & os.O_EXCL)  # it cannot have been there
        if is_read and not (mode is not None and "a" in mode and "+" not in mode):
            self._file(path)
        if is_written and (found := self._found(path)):
            self._written[found] = None

    def _is_shown(self, path: Any) -> bool:
        """Say whether a source file is only opened to show a line of it, in a warning or a traceback."""
        text = os.path.abspath(os.fsdecode(path))
        return text.endswith(".py") and self._code.is_own_file(text) and _is_called_by("/linecache.py", "/tokenize.py")

    def _file(self, path: Any) -> None:
        found = self._found(path)
        if found and found not in self._read and found not in self._written and not self._is_made(found):
            self._read[found] = content_digest(found)

    def _names(self, path: Any) -> None:
        """Take note of a folder that is listed, or only of the pattern for which it is."""
        if isinstance(path, int) and (path := _path_of(path)) is None:
            self._forbidden["it lists a folder that has no name"] = None
        elif (asked := pattern_asked_for()) and self._looked_for(asked):
            self._listed_for_patterns.add(os.path.abspath(os.fsdecode(path if path is not None else ".")))
        else:
            self._folder(path)

    def _folder(self, path: Any) -> None:
        found = self._found(path if path is not None else ".")
        if found and found not in self._listed and not self._is_made(found):
            self._listed[found] = listing_digest(found)

    def _looked_for(self, asked: Pattern) -> bool:
        """Take note of a pattern; say whether it stands for what is listed for it."""
        holds_store = any(each.startswith(asked.root + os.sep) for each in self._ignored)
        if (asked.is_deep and holds_store) or os.path.isabs(asked.text) or self._is_made(asked.root):
            return False
        if asked not in self._patterns:
            self._patterns[asked] = matches_digest(asked, self._code.folder)
        return True

    def _folder_made(self, path: Any) -> None:
        """Take note of a folder that the step makes: what is in it comes from the step."""
        if not os.path.lexists(path):
            self._made = (*self._made, os.path.abspath(os.fsdecode(path)))

    def _is_made(self, path: str) -> bool:
        return any(path == each or path.startswith(each + os.sep) for each in self._made)

    def _imported(self, event: str, name: str, *, asked_by: str | None) -> None:
        """Take note of a module of the project that is imported, and of those that it imports.

        One that the project's own code imports counts in the fingerprint; one that a library looks up by name, or
        that is first loaded now, is only known here.
        """
        if event == "import" and (name in self._code.modules or name in self._known):
            return
        if event == "named" and self._code.is_own_file(asked_by):
            return
        for path in imported_files(self._code, name):
            self._modules.setdefault(path, module_digest(self._code, path))

    def _library(self, path: str) -> None:
        if self._code.is_own_file(os.path.abspath(path)):
            self._file(path)

    def _variable(self, name: bytes, value: bytes | None) -> None:
        self._variables.setdefault(os.fsdecode(name), text_digest(value))

    def _found(self, path: Any) -> str | None:
        """Return the whole path of a file that counts; None for one of the system, of a library or of our own."""
        text = os.path.abspath(os.fsdecode(path))
        if text.startswith(_CHANCE):
            self._forbidden[f"it reads {text}"] = None
        if text.endswith(".pyc") or text.startswith(self._ignored):
            return None
        if text.startswith(str(self._code.folder) + os.sep):
            return text
        is_known = text.startswith(_SYSTEM) or _is_installed(text) or os.path.realpath(text).startswith(self._ignored)
        return None if is_known else text

    def _seen(self, path: str) -> str:
        folder = str(self._code.folder) + os.sep
        return path[len(folder) :] if path.startswith(folder) else path

    def _is_by_project(self) -> bool:
        frame = sys._getframe(1)  # noqa: SLF001  who called is only known by the frames
        while frame.f_back is not None:
            file = frame.f_code.co_filename
            if self._code.is_own_file(file):
                return True
            if not file.startswith("<") and not file.endswith(_BETWEEN) and file not in _OURS:
                return False
            frame = frame.f_back
        return False


_BETWEEN = ("/os.py", "/_collections_abc.py", "/contextlib.py")
_OURS = {__file__, sys.modules[watched_by.__module__].__file__}


def still_holds(observed: Observed, code: FirstParty) -> str | None:
    """Say what of what a step read is not the same any more; None if all of it is.

    A step's result may be taken again only when this returns None.
    """
    if observed.forbidden:
        return observed.forbidden[0]
    for path, digest in observed.files.items():
        if content_digest(code.folder / path) != digest:
            return f"the file `{path}` {'appeared' if digest is None else 'changed'}"
    for path, digest in observed.modules.items():
        if module_digest(code, path) != digest:
            return f"the module `{path}` changed"
    for path, digest in observed.listings.items():
        if listing_digest(code.folder / path) != digest:
            return f"the list of files in `{path}` changed"
    for pattern, matches in observed.patterns:
        if matches_digest(pattern, code.folder) != matches:
            return f"what matches `{pattern.text}` in `{pattern.root}` changed"
    for name, digest in observed.environment.items():
        if text_digest(os.environ.get(name)) != digest:
            return f"the environment variable `{name}` changed"
    for path, digest in observed.written.items():
        if content_digest(code.folder / path) != digest:
            return f"the file `{path}`, which it wrote, is not as it left it"
    return None


def module_digest(code: FirstParty, path: str) -> str | None:
    """Return the digest of a module of the project, without comments, formatting and docstrings."""
    return code.parsed(str(code.folder / path)).digest if path in code.files else None


def _path_of(handle: int) -> str | None:
    """Return the path of a folder that is open, where the system tells."""
    try:
        return os.readlink(f"/proc/self/fd/{handle}")
    except OSError:
        return None


def _is_called_by(*endings: str) -> bool:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  who called is only known by the frames
    for _ in range(12):
        if frame is None or frame.f_code.co_filename.endswith(endings):
            return frame is not None
        frame = frame.f_back
    return False


def _is_installed(path: str) -> bool:
    return path.startswith(tuple(_prefixes()))


def _prefixes() -> Iterator[str]:
    for each in {sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(__file__).parents[1])}:
        yield each + os.sep


def _is_by_import(code: FirstParty) -> bool:
    """Say whether something is being imported: versions, and the modules of the project, stand for what that reads."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  who called is only known by the frames
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib") or "/importlib/" in file:
            return True
        if code.is_own_file(file):
            return False
        frame = frame.f_back
    return False
