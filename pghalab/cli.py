"""The command line: `pghalab` opens the console, `pghalab VERB` works without it."""

from __future__ import annotations

import argparse
import gc
import os
import sys

from pghalab import __version__, out, registry
from pghalab.lab.host import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pghalab.screens.console import Console
    from pghalab.session.backend import Connect, Shown


def parser(argv: list[str] | None = None) -> argparse.ArgumentParser:
    """The command line, made from the registry: for some arguments with their verb only, since each takes its time."""
    root = _Parser(
        prog="pghalab",
        formatter_class=_Formatter,
        description="Learn PostgreSQL high availability by doing it. Without a verb the console opens.",
        epilog="verbs:\n"
        + "".join(f"  {verb.name:<10} {verb.words}\n" for verb in registry.VERBS)
        + "\nExample: pghalab --lab demo run --all",
    )
    root.add_argument("--lab", default="pgha", metavar="NAME", help="the lab to work on (default: pgha)")
    root.add_argument("--version", action="version", version=f"pghalab {__version__}")
    verbs = root.add_subparsers(prog="pghalab", dest="verb", metavar="VERB", help=argparse.SUPPRESS)
    for verb in registry.VERBS if argv is None else _meant(argv):
        said = f"{verb.words[0].upper()}{verb.words[1:]}. {verb.more}".rstrip()
        own = verbs.add_parser(
            verb.name,
            help=verb.words,
            description=said,
            epilog=f"{verb.ends}\nExample: {verb.example}".lstrip(),
            formatter_class=argparse.RawDescriptionHelpFormatter if verb.ends else argparse.HelpFormatter,
        )
        if not any("--lab" in option.flags for option in verb.options):
            # Without a default of its own it leaves alone what was said before the verb.
            own.add_argument("--lab", default=argparse.SUPPRESS, metavar="NAME", help="the lab (default: pgha)")
        _add_options(own, verb)
    return root


def _add_options(parser: argparse.ArgumentParser, verb: registry.Verb) -> None:
    groups: dict[str, argparse._MutuallyExclusiveGroup] = {}
    for option in verb.options:
        if not option.either:
            parser.add_argument(*option.flags, **option.how)
            continue
        if option.either not in groups:
            groups[option.either] = parser.add_mutually_exclusive_group(required=option.either.endswith("!"))
        groups[option.either].add_argument(*option.flags, **option.how)


def _meant(argv: list[str]) -> tuple[registry.Verb, ...]:
    # What follows --lab is a name; an unknown word needs all verbs, for the message that lists them.
    words = [word for before, word in zip(["", *argv], argv, strict=False) if before != "--lab"]
    name = next((word for word in words if not word.startswith("-")), None)
    return () if name is None else tuple(verb for verb in registry.VERBS if verb.name == name) or registry.VERBS


class _Parser(argparse.ArgumentParser):
    """Says what it has to say by the program's way out: its messages quote what was typed."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what the verb does not know with the usage of that verb."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and (unknown := self._behind_options(found, unknown)):
            self.error(f"unrecognized arguments: {' '.join(unknown)}; see {self.prog} --help")
        return found, unknown

    def _behind_options(self, found: argparse.Namespace, unknown: list[str]) -> list[str]:
        """Take words for arguments that may be missing: argparse takes none behind the first option."""
        free = [one for one in self._actions if one.nargs == "?" and not one.option_strings and one.choices is None]
        missing = [one for one in free if getattr(found, one.dest, None) == one.default]
        if len(unknown) > len(missing) or any(word.startswith("-") for word in unknown):
            return unknown
        for action, word in zip(missing, unknown, strict=False):
            setattr(found, action.dest, word)
        return []

    def _print_message(self, message: str, file: object = None) -> None:
        if not message:
            return
        if file is sys.stdout:
            out.say(message, end="")
        else:
            out.complain(message, end="")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Asks the terminal for its width without loading `shutil`."""

    def __init__(self, prog: str) -> None:
        import os

        try:
            width = os.get_terminal_size().columns
        except OSError:
            width = 80
        super().__init__(prog, width=max(width, 40) - 2)


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 for a said error, 2 usage, 70 a fault of pghalab's."""
    out.prepare()
    try:
        try:
            if argv is None:
                # Who calls this with arguments keeps the environment for other things.
                environment.settle()
            return _run(sys.argv[1:] if argv is None else argv)
        finally:
            out.finish()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        out.give_up()
        return 1
    except out.Unwritable as error:
        out.give_up()
        out.complain(error)
        return 1
    except Exception as error:
        return _failed(error)


def _run(argv: list[str]) -> int:
    arguments = parser(argv).parse_args(argv)
    verb = None if arguments.verb is None else registry.named(arguments.verb)
    _set_up_logging(look_only=verb is not None and verb.looks)
    return console(arguments.lab) if verb is None else _call(verb.call)(arguments)


def _call(name: str) -> Callable[[argparse.Namespace], int]:
    import importlib

    module, _, function = name.partition(".")
    found: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(f"pghalab.verbs.{module}"), function)
    return found


def _set_up_logging(*, look_only: bool) -> None:
    from pghalab.lab.host.paths import setup_logging

    setup_logging(look_only=look_only)


def console(
    lab: str,
    begins: Callable[[Console], object] | None = None,
    *,
    connect: Connect | None = None,
    recorded: Shown | None = None,
) -> int:
    """Open the console of a lab, and what is wanted after it, and return its exit status; raises LabError.

    `begins` is told once the lab is open; `recorded` is what `connect` shows, when it is a recording.
    """
    require_terminal()
    # A size that somebody exported would hold for ever, whatever size the terminal has or takes.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    # Nothing that is loaded goes again: looking for garbage among it takes a tenth of the time to the first screen.
    gc.disable()
    from pghalab.app import PghalabApp

    app = PghalabApp(lab, begins=begins, connect=connect, recorded=recorded)
    app.run()
    if app.then == "replay":
        from pghalab.verbs.replay import show

        return show()
    return app.return_code or 0


def require_terminal() -> None:
    """Raise LabError where the console cannot be drawn."""
    from pghalab.lab.types import LabError

    if not out.has_terminal():
        raise LabError(
            "The console needs a terminal.", todo="The verbs work without one: pghalab --help", kind="bad-value"
        )
    if not out.draws():
        raise LabError(
            "The console draws with characters that this terminal's encoding does not have.",
            todo="Say that it knows UTF-8, for example: LC_ALL=C.UTF-8 pghalab (the verbs work as it is)",
            kind="bad-value",
        )


def _failed(error: Exception) -> int:
    from pghalab.lab.types import LabError

    if isinstance(error, OSError):
        from pghalab.lab.host.space import full

        error = full(error) or error
    if isinstance(error, LabError):
        out.complain(error)
        return 1
    import logging

    logging.getLogger(__name__).error("a fault of the program", exc_info=error)
    try:
        from pghalab.lab.host.paths import log_file

        where = f"; the log has more: {log_file()}"
    except LabError:
        where = ""
    out.complain(f"pghalab: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}{where}")
    return 70
