"""The one way out: whatever the program prints, in every verb, is cleaned and made fit for the terminal here.

Only two things reach a terminal by another way: the console, which Textual draws from clean `Content`, and a shell
on a node, which owns the terminal for as long as it is open.
"""

from __future__ import annotations

import codecs
import os
import sys

from pghalab.text import Cleaner, clean, in_ascii, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Literal, TextIO

    from rich.progress import Progress, TaskID

    Stream = Literal["stdout", "stderr"]


class Unwritable(Exception):
    """Standard output takes no more, for a reason other than a reader who has gone."""


def prepare() -> None:
    """Make both streams able to take any text: what their encoding has no place for is written in ASCII."""
    codecs.register_error("pghalab", _unencodable)
    # A locale in which Python cannot tell C from UTF-8 becomes UTF-8; LC_ALL is the one way to insist on C.
    encoding = "ascii" if os.environ.get("LC_ALL") in ("C", "POSIX") and not _chosen_encoding() else None
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding=encoding, errors="pghalab")


def _chosen_encoding() -> bool:
    return bool(os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8"))


def _unencodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return in_ascii(error.object[error.start : error.end]), error.end


def say(text: object = "", *, end: str = "\n", to: TextIO | None = None) -> None:
    """Print text on standard output; raises BrokenPipeError, Unwritable."""
    _write(sys.stdout if to is None else to, clean(str(text)) + end)


def complain(text: object, *, end: str = "\n") -> None:
    """Print text on standard error; where that is not possible nobody can be told."""
    try:
        _write(sys.stderr, clean(str(text)) + end)
    except (OSError, Unwritable):
        return


def say_json(value: Any, *, indent: int | None = None, to: TextIO | None = None) -> None:
    """Print a value for programs: JSON in ASCII, in which nothing is left that a terminal would obey."""
    import json

    text = json.dumps(value, indent=indent, default=str).replace("\x7f", "\\u007f")
    _write(sys.stdout if to is None else to, text + "\n")


def say_table(rows: list[tuple[str, ...]]) -> None:
    """Print rows of equal length as columns; no cell can begin a row of its own."""
    say(table(rows))


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows of equal length as columns, cleaned, one line each."""
    cleaned = [tuple(map(one_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cleaned, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cleaned)
    return "\n".join(line.rstrip() for line in lines)


def clear() -> None:
    """Empty the screen of a terminal; a file or a pipe stays as it is."""
    if is_terminal():
        _write(sys.stdout, "\x1b[H\x1b[2J")


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def has_terminal() -> bool:
    """Whether the console can be drawn (Textual draws on standard error) and typed into."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def draws() -> bool:
    """Whether the terminal's encoding has the characters that the console draws with."""
    return sys.stderr.encoding.lower().replace("-", "").startswith("utf")


def descriptor() -> int:
    """The file descriptor of standard output, for a shell that takes the terminal over."""
    return sys.stdout.fileno()


def finish() -> None:
    """Notice here, and not when the interpreter ends, that what was printed cannot be written."""
    _write(sys.stdout, "")


def give_up() -> None:
    """Drop what standard output could not take, so that the interpreter does not try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed before the program began
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritable(f"The output cannot be written: {error.strerror or error}.") from error


class Printing:
    """Prints what a command tells, in the pieces in which it comes."""

    def __init__(self) -> None:
        self._cleaners: dict[Stream, Cleaner] = {"stdout": Cleaner(), "stderr": Cleaner()}

    def add(self, text: str, stream: Stream = "stdout") -> None:
        """Print a piece."""
        self._print(self._cleaners[stream].feed(text), stream)

    def close(self) -> None:
        """Print what was held back."""
        for stream, cleaner in self._cleaners.items():
            self._print(cleaner.close(), stream)

    def _print(self, text: str, stream: Stream) -> None:
        if text:
            say(text, end="") if stream == "stdout" else complain(text, end="")


class Bar:
    """Lines, and on a terminal a bar below them that tells how far something is and what runs now."""

    def __init__(self, total: int | None = None, to: TextIO | None = None) -> None:
        """So many things are to be done; None: `at` tells, and until then there is no bar."""
        self._to = sys.stdout if to is None else to
        self._total = total
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        """Show the bar when there is a terminal."""
        if self._to.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(file=self._to, highlight=False, markup=False),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total, visible=self._total is not None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def name(self, words: str) -> None:
        """Say what runs, beside the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=one_line(words)[:40])

    def at(self, number: int, of: int, words: str) -> None:
        """The part `number` of `of` has begun."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=of, completed=number, description=one_line(words)[:40], visible=True)

    def total(self, of: int) -> None:
        """So many things are to be done in all."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=of)

    def line(self, text: str) -> None:
        """Print a line, above the bar."""
        if self._bar is not None:
            self._bar.console.print(clean(text), soft_wrap=True)
        else:
            say(text, to=self._to)

    def advance(self) -> None:
        """One more is done."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1)
