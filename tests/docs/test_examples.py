"""What the documentation shows works: blocks of code, commands and links.

A comment before a block says what is done with it. `<!-- run -->` runs it, `<!-- run fails 1 -->` expects that exit
code, `<!-- start -->` starts it and lets it run until the page's end, `<!-- as in the tutorial -->` wants every line to
be one that the tutorial runs. `<!-- given a project -->`, anywhere, begins the page in the folder of a project that has
run once; `<!-- given a database and a bucket -->` gives it `$DATABASE` and `$STORE`. Python always runs, JSON is always
read, and every `kaizen …` line must be a command with its options. Blocks of a page share a folder; ports 8400 and 8401
become free ones.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from kaizenml.interfaces.cli.main import COMMANDS, kaizen

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "examples").rglob("*.md"))
TUTORIAL = ROOT / "docs" / "tutorials" / "first-loop.md"
_BLOCK = re.compile(r"(?:^[ ]*<!-- ([a-z0-9 ]+) -->\n)?^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_INLINE = re.compile(r"`kaizen ([a-z]+)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what it holds, what the comment before it says."""

    order: str
    language: str
    text: str


def blocks_of(page):
    return [Block(found[1] or "", found[2], found[3]) for found in _BLOCK.finditer(page.read_text("utf-8"))]


def name_of(page):
    return str(page.relative_to(ROOT))


def runs(page):
    return any(block.language == "python" or block.order.startswith(("run", "start")) for block in blocks_of(page))


def commands_of(text):
    """Return the `kaizen` calls of a block of shell, each as its words."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.wordchars += ".:"
        words = []
        for word in [*lexer, ";"]:
            if set(word) <= set("();<>|&"):
                if words and Path(words[0]).name == "kaizen":
                    found.append(words[1:])
                words = [] if word != ">" else ["into"]
            else:
                words.append(word)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_line_is_one(page):
    for block in blocks_of(page):
        for words in commands_of(block.text) if block.language == "bash" else ():
            root = click.Context(kaizen, info_name="kaizen")
            name, command, rest = kaizen.resolve_command(root, words)
            assert command is not None, words
            command.make_context(name, list(rest), parent=root).close()
    named = set(_INLINE.findall(page.read_text("utf-8")))
    assert named <= set(COMMANDS), named - set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_target_of_make_is_one(page):
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {word for block in blocks_of(page) for word in re.findall(r"^make ([a-z-]+)", block.text, re.MULTILINE)}

    assert named <= made, named - made


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    links = [link for link in _LINK.findall(text) if "://" not in link]

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_json_is_json(page):
    for block in blocks_of(page):
        if block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_as_in_the_tutorial_is_run_there(page):
    run = {line for block in blocks_of(TUTORIAL) if block.order in ("run", "start") for line in block.text.splitlines()}
    same = [line for block in blocks_of(page) if block.order.startswith("as in") for line in block.text.splitlines()]

    assert [line for line in same if line not in run] == []


@pytest.fixture(scope="session")
def shell():
    missing = [name for name in ("bash", "curl", "sed") if shutil.which(name) is None]
    if missing:
        (pytest.fail if os.environ.get("KAIZEN_TEST_REQUIRE") == "all" else pytest.skip)(f"there is no {missing[0]}")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, shell):
    """A folder with the tutorial's data, and a project made of them that has run once."""
    folder = tmp_path_factory.mktemp("prepared")
    page = Page(folder)
    (data,) = [block for block in blocks_of(TUTORIAL) if block.language == "python"]
    page.python(data.text)
    page.bash(
        "kaizen new churn --from customers.csv --target churned --id customer --time signed_up\ncd churn\nkaizen run\n"
    )
    return folder


class Page:
    """The folder in which the blocks of a page run, one after the other."""

    def __init__(self, folder):
        self.folder = self.here = folder
        self.names = {}
        self.ports = {"8400": free_port(), "8401": free_port()}
        self.started = []
        self.given = {}

    def run(self, block):
        if block.language == "python":
            self.python(block.text)
        elif block.order == "start":
            self.start(block.text)
        elif block.order.startswith("run"):
            self.bash(block.text, code=int(block.order.rpartition(" ")[2]) if " " in block.order else 0)

    def python(self, text):
        before = Path.cwd()
        os.chdir(self.here)
        try:
            exec(compile(text, "<block>", "exec"), self.names)
        finally:
            os.chdir(before)

    def bash(self, text, *, code=0):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"trap 'pwd > {self.folder}/.here' EXIT\n{self.moved(text)}"],
            cwd=self.here, env=self.environment(), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        self.here = Path((self.folder / ".here").read_text("utf-8").strip())
        assert done.returncode == code, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"

    def start(self, text):
        with (self.folder / "started.log").open("ab") as log:
            self.started.append(
                subprocess.Popen(
                    ["bash", "-euo", "pipefail", "-c", self.moved(text)],
                    cwd=self.here,
                    env=self.environment(),
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def end(self):
        for process in self.started:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)

    def moved(self, text):
        for port, free in self.ports.items():
            text = text.replace(f":{port}", f":{free}")
        return text

    def environment(self):
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        ports = {"KAIZEN_PORT": self.ports["8400"], "KAIZEN_PREDICT_PORT": self.ports["8401"]}
        return {**os.environ, **ports, **self.given, "PATH": path, "COLUMNS": "200"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize("path", [page for page in PAGES if runs(page)], ids=name_of)
def test_what_is_shown_runs(path, prepared, tmp_path, request):
    page = Page(tmp_path)
    if "<!-- given a database and a bucket -->" in path.read_text("utf-8"):
        servers = {name: request.getfixturevalue(name) for name in ("postgres", "s3")}
        page.given = {"DATABASE": servers["postgres"].database(), "STORE": servers["s3"].url()}
    if "<!-- given a project -->" in path.read_text("utf-8"):
        shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
        page.here = tmp_path / "churn"
    elif path.is_relative_to(ROOT / "examples"):
        shutil.copytree(path.parent, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "data"))
    elif path != TUTORIAL:
        shutil.copyfile(prepared / "customers.csv", tmp_path / "customers.csv")

    try:
        for block in blocks_of(path):
            page.run(block)
    finally:
        page.end()
