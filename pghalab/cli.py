"""The command line: `pghalab` opens the console, `pghalab VERB` works without it."""

from __future__ import annotations

import argparse
import sys

from pghalab import __version__, out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


VERBS = {
    "build": ("lab", "build the image of the nodes"),
    "up": ("lab", "create and start the nodes"),
    "start": ("lab", "start the nodes, wake paused ones"),
    "stop": ("lab", "stop the nodes"),
    "restart": ("lab", "stop and start the nodes"),
    "rm": ("lab", "remove the nodes, keep their data"),
    "rmvolumes": ("lab", "remove the data of nodes that are removed"),
    "down": ("lab", "remove the nodes and their network"),
    "ls": ("lab", "list what the engine holds of the labs"),
    "export": ("lab", "write the deployment for use without pghalab"),
    "shell": ("lab", "open a shell on a node"),
    "run": ("course", "run the course without the console"),
    "reset": ("course", "forget what was done in the course"),
    "lint": ("course", "check lesson files"),
    "status": ("status", "show the nodes, etcd and the Patroni cluster"),
    "doctor": ("doctor", "say whether this machine can run the lab"),
}
"""Each verb's module and what it does; the program's help is made from this, so that it loads none of them."""


def parser(argv: list[str] | None = None) -> argparse.ArgumentParser:
    """The command line for some arguments: only the module of their verb is loaded; without arguments every one is."""
    root = _Parser(
        prog="pghalab",
        formatter_class=_Formatter,
        description="Learn PostgreSQL high availability by doing it. Without a verb the console opens.",
        epilog="verbs:\n"
        + "".join(f"  {verb:<10} {words}\n" for verb, (_, words) in VERBS.items())
        + "\nExample: pghalab --lab demo run --all",
    )
    root.add_argument("--lab", default="pgha", metavar="NAME", help="the lab to work on (default: pgha)")
    root.add_argument("--version", action="version", version=f"pghalab {__version__}")
    verbs = root.add_subparsers(prog="pghalab", dest="verb", metavar="VERB", help=argparse.SUPPRESS)
    for module in _modules(argv):
        module.add_parsers(verbs)
    return root


class _Parser(argparse.ArgumentParser):
    """Says what it has to say by the program's way out: its messages quote what was typed."""

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


def _modules(argv: list[str] | None) -> list[ModuleType]:
    import importlib

    names = {module: None for module, _ in VERBS.values()}
    if argv is not None:
        # What follows --lab is a name; an unknown word needs all verbs, for the message that lists them.
        words = [word for before, word in zip(["", *argv], argv, strict=False) if before != "--lab"]
        verb = next((word for word in words if not word.startswith("-")), None)
        names = {} if verb is None else {VERBS[verb][0]: None} if verb in VERBS else names
    return [importlib.import_module(f"pghalab.verbs.{name}") for name in names]


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 for a said error, 2 usage, 70 a fault of pghalab's."""
    out.prepare()
    try:
        try:
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
    _set_up_logging()
    if arguments.verb is None:
        return _console(arguments.lab)
    return int(arguments.func(arguments) or 0)


def _set_up_logging() -> None:
    from pghalab.lab.host.paths import setup_logging

    setup_logging()


def _console(lab: str) -> int:
    from pghalab.app import PghalabApp

    app = PghalabApp(lab)
    app.run()
    return app.return_code or 0


def _failed(error: Exception) -> int:
    from pghalab.lab.types import LabError

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
