"""The verbs, each said once: the command line, the lab menu and the palette are made from this.

Nothing else is imported before a verb runs, since `--help` and the first screen wait for it.
"""

from __future__ import annotations

from pghalab.registry.entries import VERBS
from pghalab.registry.model import Option, Verb, Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pghalab.lab.settings import LabSettings
    from pghalab.session.backend import Stream
    from pghalab.session.session import Session

__all__ = ["VERBS", "Option", "Verb", "Way", "named", "start", "ways"]


def named(name: str) -> Verb:
    """The verb of this name; raises KeyError."""
    for verb in VERBS:
        if verb.name == name:
            return verb
    raise KeyError(name)


def ways() -> Iterator[tuple[Verb, Way]]:
    """What the console offers, in the order of the lab menu."""
    return ((verb, way) for verb in VERBS for way in verb.ways)


def start(session: Session, verb: Verb, way: Way, settings: LabSettings | None = None) -> bool:
    """Do what a way of the console says, with other settings if there are any; False (and a notice) when refused."""
    if way.starts is not None:
        return bool(way.starts(session))
    backend, runs = session.state.backend, verb.runs
    assert runs is not None
    if backend is None:
        session.bus.notice(session.work.refusal(changes=verb.changes), "warning")
        return False
    lab = backend.lab

    def stream() -> Stream:
        if settings is None:
            return runs(lab, **way.options)
        from pghalab.session.lab_work import configured

        return configured(lab, settings, lambda: runs(lab, **way.options))

    return session.work.run_verb(way.title, stream, changes=verb.changes)
