"""Puts a real backend together: settings, lab, runner, monitor, and the right to drive."""

from __future__ import annotations

import asyncio

from pghalab.course.model import Course
from pghalab.lab.types import LabError
from pghalab.session.backend import Backend

_SLOW = ("docker", "asyncssh", "yaml", "h11")
"""What takes long to import."""


async def connect(lab_name: str, course: Course) -> Backend:
    """Make the backend for a lab; the slow imports happen in a thread; raises LabError."""
    from pghalab.lab.host.paths import setup_logging

    setup_logging()
    await asyncio.to_thread(_import)
    from pghalab.cluster.eventlog import NAME, EventLog
    from pghalab.cluster.monitor import Monitor
    from pghalab.course.runner import Runner
    from pghalab.lab.deploy.driving import DriverLock
    from pghalab.lab.host.paths import state_dir
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings

    lock = DriverLock(lab_name)
    driver = ""
    if not await asyncio.to_thread(lock.acquire):
        driver = f"The lab is driven by {await asyncio.to_thread(lock.holder) or 'another console'}."
    try:
        lab = LocalLab(load_settings(lab_name, look_only=bool(driver)), look_only=bool(driver))
        runner = Runner.open(lab, state_dir(lab_name), course=course, read_only=bool(driver))
    except BaseException:
        lock.release()
        raise
    return Backend(
        lab=lab,
        runner=runner,
        monitor=lambda publish: Monitor(lab, publish),
        event_log=EventLog(state_dir(lab_name) / NAME),
        folder=state_dir(lab_name),
        driver=driver,
        driven=lambda: lock.holder() is not None,
        claim=lock.claim,
        release=lock.release,
    )


def _import() -> None:
    """Import what takes long, so that the event loop finds it loaded."""
    import importlib

    for name in _SLOW:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise LabError(f"the library {name} is missing: {error}", todo="Install pghalab again.") from error
