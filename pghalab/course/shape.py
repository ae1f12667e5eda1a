"""Whether two outputs of a command are of one shape: the same lines but for what differs from run to run."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")
_ONCE = (
    (re.compile(r"\b(\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)?"), "‹time›"),
    (re.compile(r"\b0x[0-9a-f]+\b"), "‹address›"),
    (re.compile(r"\b[0-9A-F]{1,8}/[0-9A-F]{1,8}\b"), "‹lsn›"),
    (re.compile(r"\b\d{19}\b"), "‹system›"),
    (re.compile(r"\bpid=\d+"), "pid=‹n›"),
)  # fmt: skip
"""What no two runs have in common."""
_TYPES = (
    *_ONCE,
    # etcd and its client give up after the same time; which of them says so first differs.
    (re.compile(r"\b(context deadline exceeded|etcdserver: request timed out)$", re.MULTILINE), "‹gave up›"),
    # etcdctl prints ids without their leading zeros.
    (re.compile(r"\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12,16}\b|\b[0-9a-f]{16}\b"), "‹id›"),
    (re.compile(r"\b(true|false)\b"), "‹bool›"),
    (re.compile(r"\bcreating replica\b|\b(stopped|starting|running|streaming)\b(?= *\|)"), "‹state›"),
    (re.compile(r"\|( +)unknown (?=\|)"), r"|\1‹lsn› "),
    (re.compile(r"\bpgha\d\b"), "‹node›"),
    (re.compile(r"\b\d+(\.\d+)* ?([kMG]?B)\b"), "‹size›"),
    (re.compile(r"\bdeb\d+u\d+\b"), "‹n›"),
    (re.compile(r"(?<![\w‹])\d+(\.\d+)*"), "‹n›"),
)
"""What may have another value of the same type: roles and states move, numbers grow."""
_LOGGED = re.compile(r'^(\{"level":"\w+","ts":)?"?‹time›')
"""A line of a log: which of them are printed depends on what happened."""


def clean(text: str) -> str:
    """What a reader sees of an output: no control characters, no blanks at line ends, no two empty lines in a row."""
    lines = [line.rstrip() for line in _CONTROL.sub("", text).splitlines()]
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept).rstrip("\n")


def same(one: str, other: str) -> bool:
    """Two outputs differ in nothing but in times, positions and identifiers of a cluster."""
    return _masked(clean(one), _ONCE) == _masked(clean(other), _ONCE)


def misfits(expected: str, printed: str) -> list[str]:
    """In words, what of an expected output was not printed, and what was printed beyond it; empty when it fits.

    Lines are compared by columns, headings and types of values, whatever their order and number.
    """
    wanted, found = _shapes(expected), _shapes(printed)
    words = [f"nothing like `{line}` was printed" for shape, line in wanted.items() if shape not in found]
    return words + [
        f"`{line}` was printed and is not expected"
        for shape, line in found.items()
        if shape not in wanted and not _LOGGED.match(shape)
    ]


def _shapes(text: str) -> dict[str, str]:
    """Each line's shape, with the first line that has it."""
    shapes: dict[str, str] = {}
    for line in clean(text).splitlines():
        if line:
            shapes.setdefault(_shape(line), line.strip())
    return shapes


def _shape(line: str) -> str:
    shape = _masked(line, _TYPES)
    # The width of a column follows its longest value, and an empty cell has no type.
    shape = re.sub(r"-{2,}", "--", re.sub(r"\s+", " ", shape)).strip()
    # patronictl's title covers as much of the table's upper border as the members' names leave of it.
    shape = re.sub(r"^(\+ Cluster: .*\)) [-+]+$", r"\1", shape)
    if "|" in shape and not shape.startswith("{"):
        cells = [cell.strip() for cell in shape.split("|")]
        return "|".join("" if re.fullmatch(r"‹\w+›", cell) else cell for cell in cells)
    return shape


def _masked(text: str, masks: Iterable[tuple[re.Pattern[str], str]]) -> str:
    for pattern, mask in masks:
        text = pattern.sub(mask, text)
    return text
