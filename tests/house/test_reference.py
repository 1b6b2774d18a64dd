"""The reference says what the code does: generated pages are fresh, and nothing is left out."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kaizenml.core.event import Kind
from kaizenml.interfaces.cli.main import COMMANDS
from kaizenml.loop.settings import KNOWN

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("docs_generate", REFERENCE.parent / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_fresh():
    # In a process of its own: what other tests have loaded or set must not show in the pages.
    code = "import json, runpy, sys; print(json.dumps(runpy.run_path(sys.argv[1])['pages']()))"
    words = [sys.executable, "-c", code, str(REFERENCE.parent / "generate.py")]
    pages = json.loads(subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout)

    stale = [name for name, text in pages.items() if (REFERENCE / name).read_text("utf-8") != text]

    assert stale == [], "run `make docs-reference`"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    assert f"\n## kaizen {command}\n" in (REFERENCE / "cli.md").read_text("utf-8")


@pytest.mark.parametrize("setting", KNOWN)
def test_every_setting_is_documented(setting):
    assert f"| `{setting}` | `KAIZEN_{setting.upper()}` |" in (REFERENCE / "settings.md").read_text("utf-8")


def test_every_kind_of_event_is_explained(generate):
    assert sorted(generate.EVENTS) == sorted(Kind), "explain it in docs/generate.py"


def test_every_request_of_the_data_plane_is_explained(generate):
    assert sorted(generate._DATA_PATHS) == sorted(generate.data_paths()), "explain it in docs/generate.py"
