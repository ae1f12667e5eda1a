"""What is counted of the mutation tool's results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import mutants


def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, int | None]) -> list[tuple[str, ...]]:
    """Results as mutmut keeps them, and the calls of it that are made meanwhile."""
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(mutants, "FOLDER", tmp_path)
    monkeypatch.setattr(mutants, "REACHED", tmp_path / "stats.json")
    monkeypatch.setattr(mutants, "LOG", tmp_path / "log")
    (tmp_path / "stats.json").write_text("{}")

    def mutmut(*names: str) -> bool:
        ran.append(names)
        return True

    monkeypatch.setattr(mutants, "_mutmut", mutmut)
    folder = tmp_path / mutants.ROOMS["checks"]
    folder.mkdir(parents=True)
    (folder / "etcd.py.meta").write_text(json.dumps({"exit_code_by_key": found}))
    return ran


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        ([1] * 17 + [0] * 3, 0, "17 of 20 mutants caught (85%"),
        ([1] * 16 + [0] * 4, 1, "16 of 20 mutants caught (80%"),
        ([1] * 16 + [5] * 4, 1, "4 in functions that no unit test reaches; the live tests were not tried:\n    f: 4\n"),
        ([1] * 19 + [33], 0, "19 of 20 mutants caught"),
        (
            [1] * 16 + [36] * 4,
            0,
            "20 of 20 mutants caught (100%, goal 85%)\n  4 of them because their tests did not end",
        ),
        ([1] * 16 + [None] * 4, 1, "4 were not tried to their end"),
    ],
)
def test_a_mutant_counts_only_when_a_test_notices_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: list[int | None],
    status: int,
    words: str,
) -> None:
    ran = results(tmp_path, monkeypatch, {f"f__mutmut_{number}": code for number, code in enumerate(found)})
    monkeypatch.setattr("sys.argv", ["mutants", "checks"])
    assert mutants.main() == status
    assert words in capsys.readouterr().out
    assert [len(names) for names in ran] == [1, 20]


def test_a_sample_is_the_same_for_the_same_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = results(tmp_path, monkeypatch, {f"m{number}": 1 for number in range(100)})
    for seed in ("1", "1", "2"):
        monkeypatch.setattr("sys.argv", ["mutants", "checks", "--sample", "7", "--seed", seed])
        assert mutants.main() == 0
    samples = ran[1::2]
    assert samples[0] == samples[1] != samples[2]
    assert {len(sample) for sample in samples} == {7}


def test_a_room_without_mutants_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results(tmp_path, monkeypatch, {})
    monkeypatch.setattr("sys.argv", ["mutants", "checks"])
    assert mutants.main() == 1


def test_a_tool_that_fails_is_no_room_without_mutants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results(tmp_path, monkeypatch, {"f__mutmut_1": None})
    monkeypatch.setattr("sys.argv", ["mutants", "checks"])
    (tmp_path / "log").write_text("| stats\r/ stats\rFAILED tests/unit/test_x.py\n\n")
    monkeypatch.setattr(mutants, "_mutmut", lambda *names: names[0] == mutants._NONE)
    assert mutants.main() == 2
    assert capsys.readouterr().out.startswith("FAILED tests/unit/test_x.py\nThe mutants could not be tried")
    (tmp_path / "stats.json").unlink()
    monkeypatch.setattr(mutants, "_mutmut", lambda *names: True)
    assert mutants.main() == 2
