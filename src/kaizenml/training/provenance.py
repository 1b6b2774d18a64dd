"""Which code runs: where git has it, what git has not, and the files themselves."""

from __future__ import annotations

import os
import subprocess
import threading
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from kaizenml.core.digest import digest_of, digest_of_bytes
from kaizenml.core.ports import Blobs
from kaizenml.core.run import Code
from kaizenml.core.secrets import without_secrets
from kaizenml.errors import IntegrityError

#: So much of what git has not committed is kept.
MOST_DIFF_BYTES = 1_000_000
#: Files of code are kept up to so many, and so large in all.
MOST_FILES, MOST_FILE_BYTES = 2_000, 20_000_000
_LEFT_OUT = {"build", "dist", "__pycache__", "node_modules", "site-packages"}
_SECONDS = 10


def recorded(folder: Path, files: Mapping[str, bytes], blobs: Blobs) -> Code:
    """Return which code runs, after keeping its files and what git has not committed of them.

    Parameters
    ----------
    folder
        Where the code lies; git is asked about it, and about what is below it.
    files
        The code itself, by path seen from the folder.
    """
    where = _begun(folder, "rev-parse", "HEAD", "--abbrev-ref", "HEAD") if _is_in_repository(folder) else None
    digest = digest_of({path: digest_of_bytes(content) for path, content in files.items()})
    kept = blobs.put(packed_files(files))
    commit, _, branch = _said(where).partition("\n")
    if not commit:
        return Code(digest, files=kept)
    diff, left_out = uncommitted(folder)
    return Code(
        digest=digest,
        commit=commit,
        branch=branch,
        is_dirty=bool(diff),
        diff=blobs.put(diff.encode()) if diff else None,
        diff_left_out=left_out,
        files=kept,
    )


def committers(folder: Path) -> tuple[str, ...]:
    """Return who wrote and who committed the last commit that touched a folder, as git names them; nobody without."""
    told = _git(folder, "log", "-1", "--no-show-signature", "--format=%aN <%aE>%n%cN <%cE>", "--", ".")
    return tuple(dict.fromkeys(line for line in told.splitlines() if line.strip(" <>")))


def uncommitted(folder: Path) -> tuple[str, int]:
    """Return what git has not committed in a folder, secrets blotted out, and how many bytes were too many to keep."""
    diff = _begun(folder, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv", "--", ".")
    names = _git(folder, "ls-files", "--others", "--exclude-standard").splitlines()
    untracked = "".join(f"untracked: {name}\n" for name in names[:MOST_FILES])
    content, left_out = _bounded(diff)
    return without_secrets(content.decode("utf-8", "replace") + untracked), left_out


def code_in(folder: Path) -> dict[str, bytes]:
    """Return the Python files below a folder, by path; as many as are kept, hidden and installed ones left out."""
    found: dict[str, bytes] = {}
    size = 0
    for path in _python_files(folder):
        content = path.read_bytes()
        size += len(content)
        if len(found) >= MOST_FILES or size > MOST_FILE_BYTES:
            break
        found[path.relative_to(folder).as_posix()] = content
    return found


def packed_files(files: Mapping[str, bytes]) -> bytes:
    """Return files as bytes: the same files are the same bytes."""
    return zlib.compress(msgspec.msgpack.encode(sorted(files.items())), 6)


def unpacked_files(content: bytes) -> dict[str, bytes]:
    """Return the files that were packed.

    Raises
    ------
    IntegrityError
        When the bytes are no files, or would be far more than are ever kept.
    """
    unzip = zlib.decompressobj()
    try:
        plain = unzip.decompress(content, 4 * MOST_FILE_BYTES)
        return dict(msgspec.msgpack.decode(plain, type=list[tuple[str, bytes]]))
    except (zlib.error, msgspec.DecodeError) as error:
        raise IntegrityError(f"Kept code cannot be read: {error}.", "Restore the blobs from a backup.") from error


def _python_files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if path.name.startswith(".") or path.name in _LEFT_OUT or path.is_symlink():
            continue
        if path.is_dir() and not (path / "pyvenv.cfg").exists():
            yield from _python_files(path)
        elif path.suffix == ".py" and path.is_file():
            yield path


def _is_in_repository(folder: Path) -> bool:
    """Say whether git may know of a folder; asking git itself takes milliseconds."""
    whole = folder.resolve()
    return "GIT_DIR" in os.environ or any((each / ".git").exists() for each in (whole, *whole.parents))


def _git(folder: Path, *words: str) -> str:
    return _said(_begun(folder, *words))


def _said(git: subprocess.Popen[bytes] | None) -> str:
    return _bounded(git)[0].decode("utf-8", "replace").strip()


def _begun(folder: Path, *words: str) -> subprocess.Popen[bytes] | None:
    """Begin to ask git; None where there is no git."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = ["git", "-C", str(folder), *words]
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    except OSError:
        return None


def _bounded(git: subprocess.Popen[bytes] | None) -> tuple[bytes, int]:
    """Return the beginning of what git says (nothing where it fails), and how many bytes were left out."""
    if git is None:
        return b"", 0
    with git, _Alarm(git):
        assert git.stdout is not None
        kept, left_out = git.stdout.read(MOST_DIFF_BYTES), 0
        while more := git.stdout.read(1 << 20):
            left_out += len(more)
    return (kept, left_out) if git.returncode == 0 else (b"", 0)


class _Alarm:
    """Ends a process that takes too long."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._timer = threading.Timer(_SECONDS, process.kill)

    def __enter__(self) -> None:
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
