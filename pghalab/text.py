"""Text from nodes, lessons, files and the command line: hostile until it went through here."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# The strings of OSC, DCS, SOS, PM and APC. One that never ends hides nothing: only its introducer goes. It stops before
# the next introducer, so that a text full of them is read in linear time.
_STRING = r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\n]*"
_CSI = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*"
SEQUENCE = re.compile(rf"{_CSI}[@-~]|{_STRING}(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]")
"""What a terminal obeys and does not show."""
_UNFINISHED = re.compile(rf"{_CSI}\Z|{_STRING}\x1b?\Z|\x1b[ -/]*\Z|\r\Z")
# Control characters but for tab and newline; what is invisible or turns the direction of what follows; tag characters
# and variation selectors, which carry text that nobody sees. (UAX #9, Unicode chapter 23.)
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_HELD = 4096
"""Longest unfinished sequence that is waited for."""
_LIMIT = 2000
"""Longest line that is shown, in characters."""

GLYPHS = {
    "✓": "+", "✗": "x", "●": "o", "○": ".", "◐": "~", "★": "*", "◆": "#", "■": "#", "▪": "#", "‖": "=", "▶": ">",
    "▸": ">", "›": ">", "‹": "<", "»": ">>", "▾": "v", "↑": "^", "↓": "v", "→": "->", "←": "<-", "↵": "Enter", "·": "-",
    "•": "-", "…": "...", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "×": "x", "≥": ">=", "≤": "<=",
    "☆": "*", "≠": "!=", "µ": "u", "─": "-", "━": "-", "│": "|", "┃": "|", "█": "#", "░": ".", "⚠": "!", "⋯": "...",
    "≈": "~", "↳": "->", "┼": "+", "◇": "o", "◂": "<", "⌨": "k", "║": "|", "▏": "|", "▎": "|", "▍": "|", "▌": "|",
    "▋": "|", "▊": "|", "▉": "|", "▐": "|", "▕": "|",
}  # fmt: skip
"""What stands for a character where only ASCII can be shown."""


def clean(text: str) -> str:
    """Text without escape sequences, control and invisible characters; newlines stay, also for a carriage return.

    Tabs become spaces, half of a surrogate pair a question mark.
    """
    if text.isascii() and text.isprintable():
        return text
    text = SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return _HARMFUL.sub("", _SURROGATE.sub("?", text)).expandtabs(8)


def harmless(text: str) -> str:
    """Text as it is, without the characters that a terminal obeys or hides; its width stays what it was."""
    return text if text.isprintable() else _SURROGATE.sub("?", _HARMFUL.sub("", text))


def one_line(text: str) -> str:
    """Clean text that cannot begin a line of its own, as a cell of a table or a name in a sentence needs it."""
    return clean(text).replace("\n", " ")


def shortened(line: str, limit: int = _LIMIT) -> str:
    """A line that is not longer than `limit` characters, with a mark where it was cut."""
    return line if len(line) <= limit else f"{line[:limit]}… ({len(line) - limit} more characters)"


class Cleaner:
    """Cleans a stream that comes in any pieces: a sequence that is torn apart is still one."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, piece: str) -> str:
        """The clean text that is complete by now."""
        text = self._rest + piece
        torn = _UNFINISHED.search(text)
        cut = torn.start() if torn and len(text) - torn.start() <= _HELD else len(text)
        self._rest = text[cut:]
        return clean(text[:cut])

    def close(self) -> str:
        """What was held back, when nothing more comes."""
        rest, self._rest = self._rest, ""
        return clean(rest)


def in_ascii(text: str) -> str:
    """Text in ASCII: glyphs by their stand-ins, letters without their accents, a question mark for anything else."""
    return text if text.isascii() else "".join(map(_in_ascii, text))


def _in_ascii(char: str) -> str:
    if char.isascii():
        return char
    import unicodedata

    return GLYPHS.get(char) or unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode() or "?"


def enumerated(items: Sequence[str]) -> str:
    """Items in a sentence, in their order: `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
