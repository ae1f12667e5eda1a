"""Secrets in text: found by what they are or by how they are written, and removed before it is kept or sent.

What a command printed may hold passwords, tokens and private keys. Whoever reads the journal, an export or the mirror
of the screen sees `(removed)` in their place; that there was one, and for whom, can still be read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache

from pghalab.text import SEQUENCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

MARK = "(removed)"
"""What stands where a secret was."""
HELD = 16_384
"""Longest line without an end that a stream holds back, in characters."""
KEPT = 2_048
"""Characters that are held back of a line that is longer: the beginning of a secret may be among them."""
LONGEST = 32_768
"""Characters of a single secret; what comes behind them, up to a blank, is still taken for a part of it."""

_PLAIN = {
    "postgres", "replicator", "bubba", "patroni", "etcd", "root", "pgha", "password", "secret", "trust", "peer", "md5",
    "scram-sha-256", "leader", "replica", "true", "false", "none", "test", "admin", "user", "database", "cluster",
}  # fmt: skip
"""Words that a lesson prints everywhere: as passwords they are told only by what stands before them."""
_SHORTEST = 4
"""Characters of a value that is looked for wherever it stands."""

_QUOTED = r""" "(?:[^"\\\r\n]|\\.)*(?:"|(?=[\r\n]|\Z)) | '(?:[^'\\\r\n]|\\.|'')*(?:'|(?=[\r\n]|\Z)) """
_VALUE = rf"(?P<secret>(?:{_QUOTED} | (?:(?!&\w+=)[^\s'\"\\]|\\.)+)+)"
"""A value as shells, connection strings, YAML and JSON write it: quoted, or up to a blank."""
_NAMES = r"(?:password|passwd|passphrase|secret|(?:api|access|secret|private)[-_]?key)"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    # Compiled when it is first looked for: together they take as long as a whole library to load.
    return re.compile(text, re.IGNORECASE | re.VERBOSE)


# Each with the words in small letters one of which is in every text that it fits: looking for a word is much faster.
_PATTERNS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("passw", "passphrase", "secret", "key"),
        rf"{_NAMES}(?: \\*[\"']?[^\S\r\n]*=>?[^\S\r\n]* | \\*[\"']?:[^\S\r\n]* ){_VALUE}",
    ),
    # SQL: `alter role shop password 'abc'`.
    (("passw",), r"\bpassword[^\S\r\n]+(?P<secret>(?:E|U&)?'(?:[^'\\\r\n]|\\.|'')*(?:'|(?=[\r\n]|\Z)))"),
    (
        ("passw", "passphrase", "token", "secret", "key"),
        rf"--(?:password|passwd|passphrase|token|secret|api-key|access-key)[^\S\r\n]+(?!-){_VALUE}",
    ),
    (("-u",), r"(?<!\S)(?:-u|--user)[\s=]?[^\S\r\n]*['\"]?[\w.@-]+:(?!\d+(?!\S))(?P<secret>[^\s'\"]+)"),
    (("://",), r"\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"]*:(?P<secret>[^\s/'\"]+)@"),
    (
        ("token",),
        # Not the one that etcd's members share: it salts their ids, and every lesson prints it.
        r"(?<!cluster)(?<!cluster[-_ ])token"
        r"(?: [\"']?[^\S\r\n]*=[^\S\r\n]*(?=.{8}) | [\"']?:[^\S\r\n]*(?=\S*\d)(?=\S{8}) )" + _VALUE,
    ),
    (("bearer", "basic"), r"\b(?:bearer|basic)[^\S\r\n]+(?P<secret>(?=\S*[\d=])[A-Za-z0-9+/=._~-]{8,})"),
    (("scram-sha-256$",), r"scram-sha-256(?P<secret>\$[^\s'\"|,;]+)"),
    (("md5",), r"\bmd5(?P<secret>[0-9a-f]{32})\b"),
    (
        ("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xox", "akia", "eyj", "sk-"),
        r"(?-i:\b(?P<secret>gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}"
        r"|AKIA[0-9A-Z]{16}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|sk-[\w-]{20,}))",
    ),
)
_WORDS = tuple(dict.fromkeys(word for words, _ in _PATTERNS for word in words))
_PGPASS = re.compile(
    r"(?<![^\s'\"])(?:\*|[\w.-]+):(?:\*|\d{4,5}):(?:\*|[^\s:]+):(?:\*|[^\s:]+):(?P<secret>(?:[^\s:'\"\\]|\\.)+)(?![^\s'\"])"
)
"""A line of `.pgpass`: host, port, database, user, password."""
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(r"[\s>|]*(?:[A-Za-z0-9+/=]+|(?:Proc-Type|DEK-Info|Comment|Version):.*)?\s*")
_KEY_PIECE = re.compile(
    r"^[\s>|]*(?P<secret>(?=[^\s]*[a-z])(?=[^\s]*[A-Z])(?=[^\s]*\d)[A-Za-z0-9+/]{60,80}={0,2})\s*$", re.MULTILINE
)
"""A line of a key whose beginning was not seen."""
_VARIABLE = r"\$\{?(?:(?i:\w*pass\w*)|[A-Z][A-Z0-9_]+)\b|\$\("
_BLANKS = rf"\([\w ]+\)|\.\.\.|…|%\w(?!\w)|\*+(?![\w*])|{_VARIABLE}"
_KEPT = re.compile(
    rf"""['"]?(?:{_BLANKS})|['"]{{2}}|<[\w -]+>|\.\*|:['"]|[-+=?]\}}|\{{\{{"""
    r"|(?i:null|none|true|false|required|\|)(?!\w)"
)
"""What stands in the place of a value and is none: a variable, a pattern, a blank to be filled in."""
_TRAILING = ",;)]}>"
_ENDS = re.compile(r"\r\n|\r|\n")
_BLANK = re.compile(r"\s")


class Secrets:
    """Finds secrets in text: these values in every way they are written, and what looks like one."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """`values` are what must not be seen wherever it stands; plain words of a lesson are told by their place."""
        self._values = _values(values)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets stand in a text, in order, as beginnings and ends; of a private key line by line."""
        found: list[tuple[int, int]] = []
        inside, start = False, 0
        if not (self.suspects(text) or _foreign(text)):
            return found
        for line in _lines(text):
            seen, inside = self._in_line(line, inside)
            found += [(start + begin, start + end) for _, begin, end in seen]
            start += len(line)
        return found

    def removed(self, text: str) -> str:
        """The text with `(removed)` in the place of each secret."""
        return _without(text, self.spans(text))

    def within(self, value: Any) -> Any:
        """A value as JSON has it, with the secrets removed from every text in it."""
        if isinstance(value, str):
            return self.removed(value)
        if isinstance(value, dict):
            return {self.removed(str(key)): self.within(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.within(each) for each in value]
        return value

    def suspects(self, text: str) -> bool:
        """Whether a text can hold a secret at all, by a look that costs little."""
        small = text.lower()
        return (
            any(word in small for word in _WORDS)
            or (self._values is not None and self._values.search(text) is not None)
            or "-----BEGIN" in text
            or (text.count(":") >= 4 and _PGPASS.search(text) is not None)
            or _KEY_PIECE.search(text) is not None
        )

    def _in_line(self, line: str, inside: bool) -> tuple[list[tuple[int, int, int]], bool]:
        """The secrets in one line, each with where what tells of it begins; and whether a key goes on behind it."""
        if _foreign(line):
            plain, place = _plain(line)
            found, inside = self._in_plain(plain, inside)
            return [(place(begin), place(start), place(end - 1) + 1) for begin, start, end in found], inside
        return self._in_plain(line, inside)

    def _in_plain(self, line: str, inside: bool) -> tuple[list[tuple[int, int, int]], bool]:
        if inside:
            if end := _KEY_ENDS.search(line):
                return ([(0, 0, end.start())] if line[: end.start()].strip() else []), False
            if _KEY_LINE.fullmatch(line):
                start, stop = len(line) - len(line.lstrip()), len(line.rstrip())
                return ([(start, start, stop)] if stop > start else []), True
        if not self.suspects(line):
            return [], False
        found = list(self._all(line))
        going_on = False
        if begin := _KEY_BEGINS.search(line):
            end = _KEY_ENDS.search(line, begin.end())
            going_on = end is None
            stop = len(line.rstrip()) if end is None else end.start()
            if stop > begin.end():
                found.append((begin.start(), begin.end(), stop))
        return _merged(found), going_on

    def _all(self, line: str) -> Iterator[tuple[int, int, int]]:
        small = line.lower()
        patterns = [_pattern(text) for words, text in _PATTERNS if any(word in small for word in words)]
        for pattern in (*patterns, _PGPASS, _KEY_PIECE):
            at = 0
            while match := pattern.search(line, at):
                start, end = match.span("secret")
                # What was passed over may hold another: `password: x` in `password=$(echo password: x)`.
                at = max(match.start() + 1, start)
                said = line[start:end]
                if _KEPT.match(line, start):
                    continue
                said = said.rstrip(_TRAILING)
                if said[:1] in "'\"" and said[-1:] == said[:1] and len(said) > 1:
                    start, said = start + 1, said[1:-1]
                if said:
                    at = start + len(said)
                    yield match.start(), start, start + len(said)
        if self._values is not None:
            for match in self._values.finditer(line):
                yield match.start(), match.start(), match.end()


class Removal:
    """Removes secrets from a stream that comes in any pieces: one that is torn apart is still found.

    What is not a whole line is held back, in a long line the last part of it.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._rest = ""
        self._inside_key = False
        self._inside_word = False

    def feed(self, piece: str) -> str:
        """What can be told by now."""
        if self._inside_word:
            piece = self._behind_word(piece)
        text = self._rest + piece
        cut = max(text.rfind("\n"), text.rfind("\r")) + 1
        whole, self._rest = text[:cut], text[cut:]
        told = self._lines(whole) if whole else ""
        return told + self._part() if len(self._rest) > HELD else told

    def close(self) -> str:
        """What was held back, when nothing more comes."""
        rest, self._rest = self._rest, ""
        return self._lines(rest)

    def _lines(self, text: str) -> str:
        secrets = self._secrets
        if not self._inside_key and not _foreign(text) and not secrets.suspects(text):
            return text
        done = []
        for line in _lines(text):
            seen, self._inside_key = secrets._in_line(line, self._inside_key)
            done.append(_without(line, [(start, end) for _, start, end in seen]))
        return "".join(done)

    def _part(self) -> str:
        """The part of a line without an end that can be told: up to where a secret may have begun."""
        text = self._rest
        seen, _ = self._secrets._in_line(text, self._inside_key)
        cut = len(text) - KEPT
        for begin, _, end in seen:
            if begin < cut < end:
                cut = begin
        if len(text) - cut > LONGEST:
            cut, self._inside_word = len(text), True
        self._rest = text[cut:]
        return _without(text[:cut], [(start, end) for _, start, end in seen if end <= cut])

    def _behind_word(self, text: str) -> str:
        """The text behind the secret that goes on in it; the secret ends with a blank."""
        match = _BLANK.search(text)
        self._inside_word = match is None
        return "" if match is None else text[match.start() :]


def _values(values: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern of these values in every way they are written; None without any."""
    from urllib.parse import quote

    written: set[str] = set()
    for value in values:
        if len(value) < _SHORTEST or value.lower() in _PLAIN:
            continue
        slashed = value.replace("\\", "\\\\")
        written |= {
            value, value.replace("'", "''"), slashed, slashed.replace("'", "''"), slashed.replace("'", "\\'"),
            slashed.replace('"', '\\"'), slashed.replace(":", "\\:"), quote(value, safe=""), quote(value),
            value.replace("'", "'\\''"), re.sub(r"([^A-Za-z0-9_%+,./:=@^-])", r"\\\1", value),
        }  # fmt: skip
    if not written:
        return None
    longest_first = sorted(written, key=lambda one: (-len(one), one))
    return re.compile("|".join(_bounded(one) for one in longest_first))


def _bounded(value: str) -> str:
    """A short word is one only where it stands alone."""
    escaped = re.escape(value)
    return rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])" if len(value) < 8 and value.isalnum() else escaped


def _foreign(text: str) -> bool:
    """Sequences that a terminal obeys may stand in the middle of a word."""
    return "\x1b" in text or "\x9b" in text


def _plain(line: str) -> tuple[str, Any]:
    """The line without sequences, and where a place in it was before."""
    parts: list[str] = []
    starts: list[int] = []
    raws: list[int] = []
    at = length = 0
    for match in (*SEQUENCE.finditer(line), None):
        stop = len(line) if match is None else match.start()
        if stop > at or match is None:
            parts.append(line[at:stop])
            starts.append(length)
            raws.append(at)
            length += stop - at
        at = stop if match is None else match.end()

    def place(index: int) -> int:
        part = max(0, bisect_right(starts, index) - 1)
        return raws[part] + index - starts[part]

    return "".join(parts), place


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with their ends."""
    at = 0
    for match in _ENDS.finditer(text):
        yield text[at : match.end()]
        at = match.end()
    if at < len(text):
        yield text[at:]


def _merged(found: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """In order, and what overlaps as one."""
    whole: list[tuple[int, int, int]] = []
    for begin, start, end in sorted(found, key=lambda one: (one[1], one[2])):
        if whole and start < whole[-1][2]:
            last = whole[-1]
            whole[-1] = (min(last[0], begin), last[1], max(last[2], end))
        else:
            whole.append((begin, start, end))
    return whole


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], MARK]
        at = end
    return "".join([*parts, text[at:]]) if spans else text
