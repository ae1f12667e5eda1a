"""How a person types, and how the person who shows wants it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from pghalab.lab.host import person
from pghalab.lab.host.paths import person_file
from pghalab.session.demo import settings
from pghalab.session.demo.pace import FASTEST, LONGEST, RATE, SLOWEST, Keystrokes, Tempo, gaps

COMMAND = "sudo -E -u postgres /bin/bash -l <<'END'\necho \"$PGDATA\"\nEND"


def test_a_machine_types_evenly_but_for_what_is_hard_to_find() -> None:
    found = gaps("ab\nc  D", 0.0, Random(1))
    even = 1 / RATE
    assert found[:2] == pytest.approx([even * 1.3, even]), "the first one begins a word"
    assert found[3] > 3 * even, "a line is begun after a thought"
    assert found[5] < even < found[6], "the same key again is quick, a capital is not"


def test_the_same_seed_types_the_same_and_jitter_keeps_the_mean() -> None:
    text = "patronictl list " * 10
    assert gaps(text, 0.5, Random(7)) == gaps(text, 0.5, Random(7)) != gaps(text, 0.5, Random(8))
    even, lively = (sum(sum(gaps(text, jitter, Random(seed))) for seed in range(200)) for jitter in (0.0, 1.0))
    assert lively == pytest.approx(even, rel=0.05)
    assert all(gap > 0 for gap in gaps(text, 1.0, Random(3)))


def test_a_long_command_is_typed_faster() -> None:
    assert sum(gaps("x" * 2000, 0.5, Random(1))) == pytest.approx(LONGEST)
    assert sum(gaps(COMMAND, 0.5, Random(1))) < LONGEST


def test_every_character_comes_out_once_and_in_order() -> None:
    keys = Keystrokes(COMMAND, gaps(COMMAND, 0.5, Random(2)))
    out = ""
    while keys.left:
        soon = keys.soon
        assert keys.advance(soon / 2) == "", "not before its time"
        came = keys.advance(soon / 2 + 1e-9)
        assert len(came) == 1
        out += came
    assert out == COMMAND and keys.soon == 0.0 and keys.advance(99.0) == ""


def test_what_is_late_comes_out_together_and_the_rest_at_a_key() -> None:
    keys = Keystrokes("abcdef", [0.1] * 6)
    assert keys.advance(0.35) == "abc"
    assert keys.soon == pytest.approx(0.05)
    assert keys.take(1) == "d" and keys.soon == pytest.approx(0.1)
    assert keys.take() == "ef" and keys.left == 0 and keys.take() == ""


def test_faster_and_slower_have_an_end_and_lead_back() -> None:
    tempo = Tempo()
    assert tempo.faster(1).faster(-1).speed == pytest.approx(1.0)
    assert tempo.faster(99).speed == FASTEST and tempo.faster(-99).speed == SLOWEST
    assert Tempo(1.0, 0.2, True).faster(1).instant


def wanted(*lines: str) -> tuple[settings.Wanted, list[str]]:
    found = person.read("\n".join(["[demo]", *lines]))
    return settings.take(found), found.said()


def test_a_person_may_want_another_tempo_and_a_light_background() -> None:
    found, wrong = wanted("# for the big hall", "speed = 2  # times", "jitter = 0.25", 'background = "light"')
    assert wrong == [] and found == settings.Wanted(Tempo(2.0, 0.25), "light")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("speed = 0", "a number from 0.25 to 8"),
        ("speed = nan", "a number from 0.25 to 8"),
        ("speed = true", "a number from 0.25 to 8"),
        ("jitter = 1.5", "a number from 0 to 1"),
        ('jitter = "much"', "a number from 0 to 1"),
        ('background = "pink"', '"dark" or "light"'),
        ("tempo = 1", "not of the form"),
        ("speed", "not of the form"),
        ("speed.x = 1", "a number"),
        ("a = 1\x00", "not of the form"),
        ("x = " + "[" * 50_000, "not of the form"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_hold(line: str, said: str) -> None:
    found, wrong = wanted("jitter = 0.1" if "jitter" not in line else "speed = 1", line)
    assert len(wrong) == 1 and wrong[0].startswith("line 3: ") and said in wrong[0]
    assert wrong[0].isprintable() and len(wrong[0]) < 200
    assert found in (settings.Wanted(Tempo(1.0, 0.1)), settings.Wanted())


def test_a_line_that_comes_twice_holds_once() -> None:
    found, wrong = wanted("speed = 2", "speed = 3")
    assert found.tempo.speed == 2.0 and "line 2 is about speed already" in wrong[0]


def test_the_file_need_not_be_there_and_its_keys_are_no_business_of_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    assert settings.load() == (settings.Wanted(), [])
    person_file().write_text('[keymap]\nlesson.fly = "x"\n[demo]\nspeed = 1.5\njitter = 7\n')
    found, wrong = settings.load()
    assert found.tempo.speed == 1.5 and [line.partition(", ")[2][:7] for line in wrong] == ["line 5:"]
    person_file().write_bytes(b"\xff\xfe")
    assert settings.load() == (settings.Wanted(), []), "what is wrong with the whole file is told with the keys"
