"""The verb journal: where it is, how large, since when; and exporting it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pghalab.out import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pghalab.course.export.account import Account


def journal(arguments: argparse.Namespace) -> int:
    """Say what there is, or export it."""
    if arguments.action == "export":
        return _export(arguments)
    from pghalab.lab.types import LabError

    for name, option in (("file", "a FILE"), ("since", "--from"), ("until", "--to"), ("format", "--format")):
        if getattr(arguments, name):
            raise LabError(f"{option} goes with an export.", todo="pghalab journal export", kind="bad-value")
    return _about(arguments.lab)


def _about(lab: str) -> int:
    from pghalab.cluster.units import size
    from pghalab.course.export.account import stamp
    from pghalab.course.journal import Journal
    from pghalab.course.journal.about import about
    from pghalab.lab.host.paths import lab_folder

    found = about(Journal(lab_folder(lab) / "journal", read_only=True))
    if not found.size:
        say(f"The lab {lab} has no journal yet: what is done in it goes to {found.folder}")
        return 0
    say(f"{found.folder}")
    say(f"{size(found.size)}: {size(found.done)} of what was done, {size(found.stood)} of how the lab stood, "
        f"{size(found.outputs)} in {found.logs} outputs")  # fmt: skip
    if found.since:
        say(f"since {stamp(found.since)}; what is older than {found.days} days goes, and the oldest outputs beyond "
            f"{size(found.most)}")  # fmt: skip
    say("To export it: pghalab journal export [--format md|json|cast] [FILE]")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from pghalab.course.export.account import account
    from pghalab.course.journal import Journal
    from pghalab.course.load import load_course
    from pghalab.course.localise import Names
    from pghalab.lab.host import files
    from pghalab.lab.host.paths import lab_folder
    from pghalab.lab.settings import load_settings
    from pghalab.lab.types import LabError

    settings = load_settings(arguments.lab, look_only=True)
    found = account(
        settings.name,
        Names(settings.prefix, settings.subnet, settings.auth_method, settings.network),
        load_course(),
        Journal(lab_folder(settings.name) / "journal", read_only=True),
        settings.password,
        since=arguments.since or "",
        until=arguments.until or "",
        # What was done to the lab itself came before its nodes.
        whole=arguments.all or arguments.format == "recording",
    )
    if not found.told:
        raise LabError(
            f"The journal of the lab {settings.name} has nothing to export.",
            todo="`pghalab journal` tells what there is; --all takes what was done on earlier nodes too.",
        )
    to_file = arguments.file not in (None, "-")
    path = Path(arguments.file) if to_file else None
    if arguments.format == "recording" and path is None:
        raise LabError("A recording is no text: it needs a FILE.", kind="bad-value")
    if path is not None and path.exists() and not arguments.force:
        raise LabError(f"{path} exists.", todo="Move it away, or overwrite it: --force.")
    pieces = _writer(arguments.format or "md")(found)
    if path is None:
        for piece in pieces:
            say(piece, end="")
        return 0
    try:
        files.write_atomic(path, pieces)
    except OSError as error:
        raise LabError(f"{path} cannot be written: {error.strerror}.") from error
    say(f"{path}: {len(found.acts)} commands")
    return 0


def _writer(form: str) -> Callable[[Account], Iterator[str | bytes]]:
    """What writes an account in one of the forms; only that one is loaded."""
    if form == "recording":
        from pghalab.course.export.recording import recording

        return lambda account: iter((recording(account),))
    if form == "json":
        from pghalab.course.export.plain import as_json

        return as_json
    if form == "cast":
        from pghalab.course.export.cast import cast

        return cast
    from pghalab.course.export.markdown import markdown

    return markdown
