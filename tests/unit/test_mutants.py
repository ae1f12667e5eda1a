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
    monkeypatch.setattr(mutants, "_mutmut", lambda *names: ran.append(names))
    folder = tmp_path / mutants.ROOMS["checks"]
    folder.mkdir(parents=True)
    (folder / "etcd.py.meta").write_text(json.dumps({"exit_code_by_key": found}))
    return ran


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        ([1] * 17 + [0] * 3, 0, "17 of 20 mutants caught (85%"),
        ([1] * 16 + [0] * 4, 1, "16 of 20 mutants caught (80%"),
        ([1] * 16 + [5] * 4, 1, "no test reaches: m16"),
        ([1] * 16 + [36] * 4, 0, "20 of 20 mutants caught"),
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
    ran = results(tmp_path, monkeypatch, {f"m{number:02}": code for number, code in enumerate(found)})
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
