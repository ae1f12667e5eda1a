"""Puts the real parts of a session together: settings, lab, runner, monitor, and the right to drive."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from pghalab.course.model import Course
from pghalab.lab.types import LabError
from pghalab.screens.parts import MonitorParts, Parts

log = logging.getLogger(__name__)


async def connect(lab_name: str, course: Course) -> Parts:
    """Make the parts for a lab; the slow imports happen in a thread; raises LabError."""
    from pghalab.lab.host.paths import setup_logging

    setup_logging()
    await asyncio.to_thread(_import)
    from pghalab.cluster.monitor import Monitor
    from pghalab.course.runner import Runner
    from pghalab.lab.host.lock import DriverLock
    from pghalab.lab.host.paths import state_dir
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings

    settings = load_settings(lab_name)
    lock = DriverLock(lab_name)
    driver = "" if lock.acquire() else f"The lab is driven by {lock.holder() or 'another console'}."
    try:
        lab = LocalLab(settings)
        runner = Runner.open(lab, state_dir(lab_name), course=course, read_only=bool(driver))
    except BaseException:
        lock.release()
        raise

    def monitor(publish: Callable[[Any], None]) -> MonitorParts:
        return Monitor(lab, publish)

    return Parts(
        lab=lab,
        runner=runner,
        monitor=monitor,
        # The names change when the lab takes other settings.
        names=lambda text: runner.names.text(text),
        driver=driver,
        driven=lambda: lock.holder() is not None,
        notices=lambda: (*lab.notices, *runner.progress.notices),
        release=lock.release,
    )


def _import() -> None:
    """Import what takes long, so that the event loop finds it loaded."""
    import importlib

    for name in ("docker", "asyncssh", "yaml", "textual.widgets.markdown", "textual.widgets.text_area"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise LabError(f"the library {name} is missing: {error}", todo="Install pghalab again.") from error
