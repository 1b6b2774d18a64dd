"""The project as a commit has it, beside the one that is being worked on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from kaizenml.errors import UsageError

_SECONDS = 300
#: What git ignores and a checkout must not have: what a run made, and what it runs in.
_OWN = {".kaizen", ".venv", "venv", "__pycache__", ".git", "node_modules"}
#: Files that say which libraries a project needs.
DEPENDENCIES = (
    "*requirements*.txt", "*requirements/*.txt", "pyproject.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile*",
    "environment.y*ml", "setup.cfg", "setup.py", ".python-version",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Base:
    """A commit that a change is held against: how it was asked for, its name, and the project's folder in it."""

    ref: str
    commit: str
    folder: Path


@contextmanager
def checked_out(folder: Path, ref: str) -> Iterator[Base]:
    """Check the project out as it was where the present commit left ``ref``, for as long as the block lasts.

    What git ignores there (data that are too large for it, say) is there as well, as links.

    Raises
    ------
    UsageError
        When this is no git repository, it knows no such commit, or the project was not there yet.
    """
    top = Path(git(folder, "rev-parse", "--show-toplevel", hint="`--against` needs a git repository."))
    inside = folder.resolve().relative_to(top.resolve())
    commit = _common(folder, ref)
    place = Path(mkdtemp(prefix="kaizen-base-"))
    try:
        git(folder, "worktree", "add", "--quiet", "--detach", "--force", str(place / "tree"), commit)
        there = place / "tree" / inside
        if not (there / "project.py").is_file():
            raise UsageError(
                f"At {ref} ({commit[:12]}) there is no project in {inside}.",
                "Leave --against out: there is nothing to hold the change against.",
            )
        _link_ignored(top, folder, there)
        yield Base(ref, commit, there)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run(["git", "-C", str(folder), "worktree", "prune"], capture_output=True, check=False)


def changed_dependencies(folder: Path, commit: str) -> str:
    """Return how the files that say which libraries are needed differ from those of a commit, as git tells it."""
    return git(folder, "diff", "--no-color", "--no-ext-diff", "--no-textconv", commit, "--", *DEPENDENCIES)


def git(folder: Path, *words: str, hint: str = "") -> str:
    """Return what git says.

    Raises
    ------
    UsageError
        With git's own words, when it refuses.
    """
    command = ["git", "-C", str(folder), *words]
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_SECONDS, env=environment, errors="replace"
        )
    except FileNotFoundError as error:
        raise UsageError("git is not installed.", "Install it: the base of a change is taken from it.") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1].removeprefix("fatal: ")
        raise UsageError(f"git {words[0]}: {said}", hint or "Look at the repository with git itself.")
    return done.stdout.strip()


def _common(folder: Path, ref: str) -> str:
    try:
        named = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        return git(folder, "merge-base", "HEAD", named)
    except UsageError as error:
        raise UsageError(
            f"git knows no commit {ref!r} that the present one comes from.",
            "Name it as git does (origin/main), after `git fetch origin`. A shallow clone lacks it: fetch-depth: 0 on"
            ' GitHub, GIT_DEPTH: "0" on GitLab.',
        ) from error


def _link_ignored(top: Path, folder: Path, there: Path) -> None:
    ignored = git(folder, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", "--", ".")
    for name in filter(None, ignored.split("\0")):
        path, link = (folder / name).resolve(), there / name.rstrip("/")
        if _OWN & set(Path(name).parts) or link.exists() or not path.is_relative_to(top.resolve()):
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path, target_is_directory=path.is_dir())
