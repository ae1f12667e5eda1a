"""What verbs of the lab do that is more than a call of the lab itself."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pghalab.session.backend import DrivenLab, Stream


def export(lab: DrivenLab) -> Stream:
    """Write the deployment into the folder that the console was started in."""
    from pathlib import Path

    from pghalab.session import lab_work

    return lab_work.export(lab.settings, Path.cwd())


def snapshot(lab: DrivenLab, **options: Any) -> Stream:
    """Keep the lab and the progress on the disk."""
    from pghalab.session.going_back import snapshot_of

    return snapshot_of(lab, **options)


def restore(lab: DrivenLab, **options: Any) -> Stream:
    """Bring the lab and the progress on the disk back."""
    from pghalab.session.going_back import restore_of

    return restore_of(lab, **options)
