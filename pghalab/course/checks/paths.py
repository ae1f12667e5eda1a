"""Files and directories of a node, as a command there tells of them: one alone, or many at once."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from pghalab.values import dataclass

LONGEST = 262144
"""Bytes of a file that are read."""

# Programs are what takes time on a node: bash does all but one of them itself. Only what comes to an end is read.
_CONTENT = f"""if [ -d "$p" ]; then set -- "$p"/*; echo $#
  else
    echo 0
    [ ! -f "$p" ] || {{ LC_ALL=C IFS= read -r -N {LONGEST} text < "$p"; printf %s "$text"; }}
  fi"""


@dataclass(frozen=True, slots=True)
class File:
    """A file or directory of a node as stat tells it; `mode` in octal without a leading zero."""

    type: str
    owner: str
    mode: str
    entries: int
    """How much a directory holds."""
    text: str
    """The first 256 KiB of a file."""


def one(path: str) -> str:
    """The command that tells of a file what `file` understands."""
    return f"""p={shlex.quote(path)}
shopt -s dotglob nullglob
if [ -e "$p" ]; then
  stat -L -c '%F|%U|%a' "$p"
  {_CONTENT}
fi"""


def many(files: Sequence[str], there: Sequence[str], mark: str) -> str:
    """The command that tells the same of many files, each below a line `mark`, and then which of `there` are there."""
    return f"""shopt -s dotglob nullglob
declare -A told
found=()
for p in {shlex.join(files)}; do [ ! -e "$p" ] || found+=("$p"); done
[ ${{#found[@]}} = 0 ] || while IFS= read -r line; do told[${{line%%|*}}]=${{line#*|}}; done < <(
  stat -L -c '%n|%F|%U|%a' "${{found[@]}}")
for p in {shlex.join(files)}; do
  echo {shlex.quote(mark)}
  [ -n "${{told[$p]}}" ] || continue
  echo "${{told[$p]}}"
  {_CONTENT}
done
echo {shlex.quote(mark)}
for p in {shlex.join(there)}; do [ ! -e "$p" ] || echo "$p"; done"""


def file(told: str) -> File | None:
    """What was told of a file; None when there is none."""
    if not told:
        return None
    head, count, text = [*told.split("\n", 2), "", ""][:3]
    kind, owner, mode = head.split("|")
    return File("file" if kind.startswith("regular") else kind, owner, mode, int(count), text)
