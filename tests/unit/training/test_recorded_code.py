"""Which commit is recorded of a project's code, wherever git keeps what it knows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kaizenml.adapters.blobs import DirectoryBlobs
from kaizenml.core.run import Code
from kaizenml.training.provenance import recorded

FILES = {"project.py": b"x = 1\n"}


def _git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "below" / "deep").mkdir(parents=True)
    (folder / "below" / "deep" / "project.py").write_bytes(FILES["project.py"])
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "one")
    return folder


def _recorded(folder: Path, tmp_path: Path) -> Code:
    return recorded(folder, FILES, DirectoryBlobs(tmp_path / "blobs"))


def test_a_folder_below_a_repository_has_its_commit(repository: Path, tmp_path: Path) -> None:
    found = _recorded(repository / "below" / "deep", tmp_path)
    assert (found.commit, found.branch, found.is_dirty) == (_git(repository, "rev-parse", "HEAD"), "main", False)


def test_a_work_tree_beside_the_repository_has_its_commit(repository: Path, tmp_path: Path) -> None:
    _git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    found = _recorded(tmp_path / "tree", tmp_path)
    assert (found.commit, found.branch) == (_git(repository, "rev-parse", "HEAD"), "other")


def test_a_repository_that_only_the_environment_names_counts(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".git").rename(tmp_path / "kept.git")
    assert _recorded(repository, tmp_path).commit == ""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "kept.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repository))
    assert _recorded(repository, tmp_path).commit == _git(repository, "rev-parse", "HEAD")


def test_outside_of_a_repository_there_is_no_commit_and_git_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = _recorded(tmp_path, tmp_path)
    assert (found.commit, found.branch) == ("", "")
    assert found.files
    assert not (tmp_path / "asked").exists()
