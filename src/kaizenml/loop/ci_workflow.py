"""The workflow file that lets a CI system call `kaizen ci` for every pull request."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from string import Template

from kaizenml._version import __version__
from kaizenml.errors import StateError, UsageError
from kaizenml.loop.base_checkout import git

_GITHUB = Template("""\
# Written by `kaizen ci init --github`; yours to change.
name: kaizen ci

on:
  pull_request:
  push:
    branches: [$branch] # keeps the steps' results at hand for the pull requests that follow

permissions:
  contents: read
  pull-requests: write # to leave the report as a comment

concurrency:
  group: kaizen-$${{ github.ref }}
  cancel-in-progress: true

jobs:
  ci:
    runs-on: ubuntu-latest
    timeout-minutes: 60$working
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0 # the base is found in the history

      - uses: actions/setup-python@v5
        with:
          python-version: "$python"

      - name: Install
        run: |
$install

      - uses: actions/cache@v4
        with:
          path: $home
          key: kaizen-$${{ runner.os }}-$${{ github.sha }}
          restore-keys: kaizen-$${{ runner.os }}-

      - name: Try the change out
        run: |
$run

      - name: Leave the report as a comment
        if: always() && github.event_name == 'pull_request'
        continue-on-error: true # a fork may not comment; the summary has it all the same
        env:
          GH_TOKEN: $${{ github.token }}
          PULL_REQUEST: $${{ github.event.pull_request.number }}
        run: gh pr comment "$$PULL_REQUEST" --edit-last --create-if-none --body-file kaizen-report/report.md

      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: kaizen-report
          path: $report
""")
_GITLAB = Template("""\
# Written by `kaizen ci init --gitlab`; yours to change.
kaizen:
  image: python:$python
  timeout: 1h
  rules:
    - if: $$CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $$CI_COMMIT_BRANCH == "$branch" # keeps the steps' results at hand for the merge requests that follow
  variables:
    GIT_DEPTH: "0" # the base is found in the history
  cache:
    key: kaizen
    paths: ["$home"]
  script:
    - |
$install
    - |
$run
  artifacts:
    when: always
    expose_as: kaizen report
    paths: ["$report"]
    reports:
      junit: $junit
""")
_FILES = {"github": Path(".github/workflows/kaizen.yml"), "gitlab": Path(".gitlab-ci.yml")}
_BRANCH = re.compile(r"[A-Za-z0-9._/-]+")


def write_workflow(folder: Path, kind: str, branch: str, *, force: bool = False) -> Path:
    """Write the workflow of a kind, ``github`` or ``gitlab``, at the root of the repository; return where.

    Raises
    ------
    StateError
        When the file is there already.
    UsageError
        When the folder is in no git repository, or the branch's name cannot be.
    """
    top = Path(git(folder, "rev-parse", "--show-toplevel", hint="Make it a repository first: `git init`."))
    if not _BRANCH.fullmatch(branch):
        raise UsageError(f"{branch!r} is no name of a branch.", "Give one such as --branch main.")
    path = top / _FILES[kind]
    if path.exists() and not force:
        raise StateError(f"{path} is there already.", "Write over it with --force, or move it away.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(workflow(top, folder.resolve(), kind, branch), "utf-8")
    return path


def workflow(top: Path, folder: Path, kind: str, branch: str) -> str:
    """Return the workflow for the project in a folder of the repository at ``top``."""
    inside = folder.resolve().relative_to(top.resolve())
    is_github, is_root = kind == "github", inside == Path()
    place = "" if is_root else f"{inside.as_posix()}/"
    enter = [] if is_root or is_github else [f"cd {inside.as_posix()}"]
    target = f"origin/{branch}"
    fetch = [] if is_github else [f"git fetch --quiet origin {branch}"]
    words = {
        "branch": branch,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "home": f"{place}.kaizen",
        "report": f"{place}kaizen-report/",
        "junit": f"{place}kaizen-report/junit.xml",
        "working": "" if is_root else f"\n    defaults:\n      run:\n        working-directory: {inside.as_posix()}",
        "install": _lines([*enter, *_install(folder)], 10 if is_github else 6),
        "run": _lines([*enter, *fetch, f"kaizen ci --against {target} --out kaizen-report"], 10 if is_github else 6),
    }
    return (_GITHUB if is_github else _GITLAB).substitute(words)


def _install(folder: Path) -> list[str]:
    """Return how the project's libraries are installed: from its lock, where it has one."""
    locks = ("requirements.lock", "requirements.txt", "requirements/ci.txt", "requirements/dev.txt")
    found = next((name for name in locks if (folder / name).is_file()), None)
    if found:
        return [f"python -m pip install -r {found}"]
    if (folder / "pyproject.toml").is_file():
        return ["python -m pip install ."]
    return [f"python -m pip install 'kaizenml[local]=={__version__}'"]


def _lines(lines: list[str], indent: int) -> str:
    return "\n".join(" " * indent + line for line in lines)
