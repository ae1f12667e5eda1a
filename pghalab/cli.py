"""The command line: `pghalab` opens the console, `pghalab VERB` works without it."""

from __future__ import annotations

import argparse
import sys

from pghalab import __version__


def parser() -> argparse.ArgumentParser:
    """Everything that the command line takes."""
    from pghalab.verbs import course, doctor, lab, status

    root = argparse.ArgumentParser(
        prog="pghalab",
        description="Learn PostgreSQL high availability by doing it. Without a verb the console opens.",
        epilog="Example: pghalab --lab demo run --all",
    )
    root.add_argument("--lab", default="pgha", metavar="NAME", help="the lab to work on (default: pgha)")
    root.add_argument("--version", action="version", version=f"pghalab {__version__}")
    verbs = root.add_subparsers(title="verbs", dest="verb", metavar="VERB")
    for module in (lab, course, status, doctor):
        module.add_parsers(verbs)
    return root


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 for a said error, 2 usage, 70 a fault of pghalab's."""
    arguments = parser().parse_args(argv)
    try:
        _set_up_logging()
        if arguments.verb is None:
            return _console(arguments.lab)
        return int(arguments.func(arguments) or 0)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _leave_stdout()
        return 1
    except Exception as error:
        return _failed(error)


def _set_up_logging() -> None:
    from pghalab.lab.paths import setup_logging

    setup_logging()


def _console(lab: str) -> int:
    from pghalab.app import PghalabApp

    app = PghalabApp(lab)
    app.run()
    return app.return_code or 0


def _failed(error: Exception) -> int:
    from pghalab.lab.types import LabError

    if isinstance(error, LabError):
        print(error, file=sys.stderr)
        return 1
    import logging

    logging.getLogger(__name__).error("a fault of the program", exc_info=error)
    try:
        from pghalab.lab.paths import log_file

        where = f"; the log has more: {log_file()}"
    except LabError:
        where = ""
    print(
        f"pghalab: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}{where}", file=sys.stderr
    )
    return 70


def _leave_stdout() -> None:
    """The reader of our output has gone: keep the interpreter from saying so when it ends."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
