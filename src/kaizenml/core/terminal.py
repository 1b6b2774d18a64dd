"""Text that somebody else wrote, made harmless for a terminal: it may neither act nor pretend to be something else."""

from __future__ import annotations

import re
import unicodedata

_ESC, _BEL = "\x1b", "\x07"
#: Sequences by which programs colour their output, move the cursor, set titles or make links (ECMA-48, xterm).
_SEQUENCE = re.compile(
    rf"(?:{_ESC}\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences
    rf"|(?:{_ESC}[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^{_BEL}{_ESC}\x9c\n]*(?:{_BEL}|{_ESC}\\|\x9c)"  # strings
)
#: Categories of Unicode that draw nothing but act: controls, formats (such as overrides of direction), surrogates.
_ACTS = ("Cc", "Cf", "Cs")
#: Formats that scripts and emoji need.
_NEEDED = "\u200c\u200d\u00ad"


def harmless(text: str, keep: str = "\n\t") -> str:
    r"""Return the text with every character that acts upon a terminal spelt out, such as ``\x1b``.

    Parameters
    ----------
    keep
        Controls that stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelt(each) if _acts(each) and each not in keep else each for each in text)


def plain_lines(text: str) -> str:
    """Return what a program wrote to its console as lines: without colours, each line as it was last drawn."""
    lines = _SEQUENCE.sub("", text).replace("\r\n", "\n").split("\n")
    return harmless("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def _acts(character: str) -> bool:
    is_separator = character in "\u2028\u2029"
    return (unicodedata.category(character) in _ACTS and character not in _NEEDED) or is_separator


def _spelt(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
