"""The registry of actions, and the keys that a person puts in place of its own."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import pghalab
from pghalab.cli import main
from pghalab.lab.host.paths import person_file
from pghalab.lab.host.person import MOST_LINES, Wrong
from pghalab.registry.actions import ACTIONS, PLACES, meet
from pghalab.registry.keymap import keys_of, load, normal, read, shown

VITAL = (
    "app.help", "home.continue", "home.lab", "home.doctor", "home.shell", "home.live", "home.stop",
    "lesson.stop", "lesson.run", "lesson.next", "lesson.previous", "lesson.hint", "lesson.shell", "lesson.type",
    "lesson.zoom", "lesson.home", "lesson.edit", "lesson.copy", "lesson.log", "lesson.look", "shell.leave",
    "live.back", "log.back", "wide.back", "lab.back", "lab.stop", "doctor.back", "confirm.yes", "confirm.no",
    "edit.run", "settings.create", "lesson.present", "demo.next", "demo.back", "demo.black", "demo.out", "demo.pause",
    "demo.again", "demo.mend", "demo.skip", "demo.jump", "demo.shell", "demo.take", "demo.cluster",
)  # fmt: skip


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))


def keymap(*lines: str) -> str:
    return "\n".join(["[keymap]", *lines])


def test_what_is_vital_has_two_keys() -> None:
    assert [name for name in VITAL if len(keys_of(name, {})) < 2] == []
    leave = {action.does for action in PLACES["app"].actions if action.name.startswith("quit")}
    assert leave == {"quit"}


def test_ids_are_used_once_and_keys_are_written_as_textual_names_them() -> None:
    assert len(ACTIONS) == sum(len(place.actions) for place in PLACES.values())
    for name in ACTIONS:
        assert [normal(key) for key in keys_of(name, {})] == list(keys_of(name, {})), name


def test_no_two_actions_of_one_place_have_one_key() -> None:
    for place in PLACES.values():
        keys = [key for action in place.actions for key in action.keys.split(",")]
        assert len(set(keys)) == len(keys), place.title


def test_whatever_has_a_key_stands_in_the_registry_and_is_named_by_an_id_of_it() -> None:
    for path in Path(pghalab.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        named = {name for text in texts for name in re.findall(r"\{([a-z-]+\.[a-z-]+)\}", text)}
        assert {name for name in named if name.partition(".")[0] in PLACES} <= set(ACTIONS), path
        made = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "Binding"]
        assert not made or path.match("widgets/keys.py"), path


@pytest.mark.parametrize(
    ("written", "key", "name"),
    [
        ("r", "r", "r"),
        ("R", "R", "R"),
        ("shift+r", "R", "R"),
        ("?", "question_mark", "?"),
        ("question_mark", "question_mark", "?"),
        ("+", "plus", "+"),
        ("-", "minus", "-"),
        ("/", "slash", "/"),
        ("_", "underscore", "_"),
        ("ctrl++", "ctrl+plus", "Ctrl-+"),
        ("Ctrl+R", "ctrl+r", "Ctrl+R"),
        ("ctrl+]", "ctrl+right_square_bracket", "Ctrl-]"),
        ("shift+ctrl+c", "ctrl+shift+c", "Ctrl+Shift+C"),
        ("F9", "f9", "F9"),
        ("PgUp", "pageup", "PgUp"),
        ("Esc", "escape", "Escape"),
        ("space", "space", "space"),
        ("ö", "ö", "ö"),
        ("alt+left", "alt+left", "Alt+←"),
    ],
)
def test_a_key_may_be_written_in_more_than_one_way(written: str, key: str, name: str) -> None:
    assert normal(written) == key
    assert normal(key) == key
    assert shown(key) == name


@pytest.mark.parametrize(
    "written", ["", " ", "f25", "f0", "strg+r", "ctrl+", "ctrl", "rr", "ctrl+ctrl+r", "\x1b", "\u202e", "a\nb", "++"]
)
def test_what_is_no_key_is_refused(written: str) -> None:
    with pytest.raises(Wrong):
        normal(written)


def test_a_wrong_line_is_named_and_the_others_hold() -> None:
    found, wrong = read(
        keymap(
            "# what I am used to",
            'lesson.run = "f10, R"',
            'lesson.fly = "f13"',
            '"lesson.hint" = "rr"',
            "lesson.next = f14",
            'lesson.stop = ["x"]',
            'lesson.previous = "K"  # back',
        )
    )
    assert found == {"lesson.run": ("f10", "R"), "lesson.previous": ("K",)}
    assert [line.partition(":")[0] for line in wrong[:3]] == ["line 4", "line 5", "line 6"]
    assert "no action 'lesson.fly'" in wrong[0] and "pghalab keys" in wrong[0]
    assert "`rr` is not a key" in wrong[1]
    assert "of the form" in wrong[2]
    assert "one pair of quotation marks" in wrong[3]
    assert len(wrong) == 4


@pytest.mark.parametrize(
    ("lines", "holds", "said"),
    [
        (['lesson.run = "n"'], [], "lesson.run keeps its keys: n is the key of lesson.next"),
        (['lesson.run = "?"'], [], "? is the key of app.help"),
        (['lesson.run = "j"'], [], "j is the key of scroll.down"),
        (['scroll.down = "n"'], [], "n is the key of"),
        (['lesson.run = "n"', 'lesson.next = "r"'], ["lesson.next", "lesson.run"], ""),
        (['lesson.run = "f10"', 'lesson.next = "f10"'], ["lesson.run"], "lesson.next keeps its keys"),
        # Without the line that is wrong, its key is what it was.
        (['lesson.run = "n"', 'lesson.next = "h"'], [], "n is the key of lesson.next"),
        (['home.continue = "f10"', 'lesson.run = "f10"'], ["home.continue", "lesson.run"], ""),
        (['confirm.yes = "r"'], ["confirm.yes"], ""),
        (['app.quit = "Q, ctrl+q"'], [], "Q could not be typed"),
        (['app.lab = "l"'], [], "l is the key of"),
    ],
)
def test_two_actions_cannot_have_one_key_at_the_same_time(lines: list[str], holds: list[str], said: str) -> None:
    found, wrong = read(keymap(*lines))
    assert sorted(found) == holds
    assert said in " ".join(wrong)
    assert bool(wrong) == bool(said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('lesson.run = "up"', "↑ is not free"),
        ('lesson.run = "ctrl+p"', "it opens the palette"),
        ('lesson.run = "ctrl+["', "terminals send it as Escape"),
        ('shell.leave = "x"', "x could not be typed any more"),
        ('lesson.next-shell = "m"', "m could not be typed any more"),
        ('edit.run = "space"', "space could not be typed any more"),
    ],
)
def test_keys_that_would_do_harm_are_refused(line: str, said: str) -> None:
    found, wrong = read(keymap(line))
    assert found == {} and said in wrong[0]


def test_keys_that_work_in_other_places_are_free() -> None:
    assert not meet("home", "lesson") and meet("quorum", "lesson") and meet("question", "app")
    assert not meet("confirm", "app")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run = 1", "such as [keymap]"),
        ("[keys]\nlesson.run = 'x'", "no such section"),
        (keymap('lesson.run = "f10"', 'lesson.run = "f10"'), "line 2 is about lesson.run already"),
        (keymap('lesson.run = "f9, f10, f11, f12, f13, f14"'), "5 keys at most"),
        (keymap("a = " + "[" * 50_000), "not of the form"),
        ("[keymap]\n" + "\n" * MOST_LINES + 'lesson.run = "f9"', "only the first"),
        (keymap("\x1b[2Jevil\u202e = 1"), "not of the form"),
    ],
)
def test_a_file_that_is_wrong_is_told_and_obeyed_as_far_as_it_is_right(text: str, said: str) -> None:
    found, wrong = read(text)
    assert said in " ".join(wrong)
    assert set(found) <= {"lesson.run"}
    assert all(line.isprintable() and len(line) < 300 for line in wrong)


def test_the_file_belongs_to_the_person_and_need_not_be_there(tmp_path: Path) -> None:
    assert load() == ({}, [])
    person_file().parent.mkdir(parents=True)
    person_file().write_text(keymap('lesson.run = "f10"', 'x.y = "f9"'))
    found, wrong = load()
    assert found == {"lesson.run": ("f10",)}
    assert wrong[0].startswith(f"{person_file()}, line 3: ")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 200_000])
def test_a_file_that_cannot_be_read_changes_nothing(content: bytes) -> None:
    person_file().parent.mkdir(parents=True)
    person_file().write_bytes(content)
    found, wrong = load()
    assert found == {} and "cannot be used" in wrong[0]


def test_the_verb_lists_ids_and_keys_and_names_wrong_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys"]) == 0
    listed = capsys.readouterr().out
    assert f"{'  lesson.run':<26} r  F5" in listed
    assert "Ctrl-] leads out of `pghalab shell` and the full-screen shell, whatever the keymap says" in listed
    person_file().parent.mkdir(parents=True)
    person_file().write_text(keymap('lesson.run = "f10"', 'lesson.next = "f10"'))
    assert main(["keys"]) == 1
    printed = capsys.readouterr()
    assert "* lesson.run " in printed.out and "  F10 " in printed.out
    assert "line 3: lesson.next keeps its keys: F10 is the key of lesson.run." in printed.err
