"""A rehearsal on a real lab: what is missing is done first, and each lesson has a time that was measured here."""

from __future__ import annotations

import json

import pytest

from pghalab.lab.engine.client import Engine
from pghalab.lab.settings import save_settings
from tests.live.conftest import MakeSettings
from tests.live.driven import Course


async def test_a_lesson_is_rehearsed_where_nothing_was_done_and_measured_once(
    make_settings: MakeSettings, engine: Engine
) -> None:
    settings = await make_settings(5)
    save_settings(settings)
    course = Course(settings, engine)
    room, before, names = map(json.loads, course.verb("rehearse", "names", "--json").splitlines())
    assert room["ok"], room
    assert "deploy-up" in before["before"] and before["failed"] == []
    assert (names["lesson"], names["failed"], names["unmeasured"]) == ("names", None, [])
    assert names["reached"] == names["steps"] and names["commands"] > 0
    assert names["takes"] == pytest.approx(names["commands"] + names["typing"] + names["reading"], abs=0.2)
    _, again = map(json.loads, course.verb("rehearse", "names", "--json").splitlines())
    assert set(again["unmeasured"]) == {"names-dns", "names-aliases", "names-hosts"}
