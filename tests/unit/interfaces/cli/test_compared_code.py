"""How `kaizen compare` prints what differs in code."""

from __future__ import annotations

from kaizenml.core.difference import file_differences
from kaizenml.core.symbols import symbol_differences
from kaizenml.interfaces.cli.comparing import show_code

BEFORE = {"a.py": b"LIMIT = 1\n", "b.py": b"X = 1\n", "notes.toml": b"a = 1\n", "odd.py": b"def (\n"}
AFTER = {"a.py": b"LIMIT = '\x1b[2J'\n", "b.py": b"X = 1  # one\n", "notes.toml": b"a = 2\n", "odd.py": b"def )\n"}


def test_symbols_are_named_and_files_without_any_are_shown_whole(capsys):
    show_code(file_differences(BEFORE, AFTER), symbol_differences(BEFORE, AFTER))

    said = capsys.readouterr().out
    assert "changed constant LIMIT in a.py" in said
    assert "+LIMIT = '\\x1b[2J'" in said
    assert "b.py: only comments, docstrings or formatting differ" in said
    assert "--- a/notes.toml\n+++ b/notes.toml\n@@ -1 +1 @@\n-a = 1\n+a = 2\n" in said
    assert "-def (\n+def )\n" in said
    assert "\x1b[2J" not in said
