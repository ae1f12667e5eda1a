"""The stream of a classic build, recorded from an engine, is read into steps, lines, results and failures."""

import json
from pathlib import Path
from typing import Any

import pytest

from pghalab.lab.image.buildlog import LAST_LINES, BuildLog, clean
from pghalab.lab.types import LabError, Part

RECORDED = Path(__file__).parent / "data"


def chunks(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDED / name).read_text().splitlines()]


def shown(log: BuildLog, name: str) -> list[str]:
    return [line for chunk in chunks(name) for line in log.feed(chunk)]


def test_a_build_that_succeeds() -> None:
    log = BuildLog(extra=1)
    lines = shown(log, "build-ok.jsonl")
    assert [line for line in lines if line.startswith("step")] == [
        "step 1 of 4: FROM pghalab-base:trixie",
        "step 2 of 4: LABEL pghalab.image=1",
        "step 3 of 4: RUN echo out; echo err >&2; printf 'a\\nb\\n'",
    ]
    parts = [(line.number, line.of, line.words) for line in lines if isinstance(line, Part)]
    assert parts[1] == (2, 4, "LABEL pghalab.image=1") and len(parts) == 3
    assert sorted(lines[-4:]) == ["  a", "  b", "  err", "  out"]
    assert log.image_id.startswith("sha256:")
    assert "  from the cache" in lines
    assert log.cached == lines.count("  from the cache")


def test_a_build_that_fails_shows_the_step_and_its_last_lines() -> None:
    log = BuildLog(extra=1)
    with pytest.raises(LabError) as caught:
        shown(log, "build-failed.jsonl")
    text = str(caught.value)
    assert "step 2 of 4" in text and "seq 30" in text
    numbers = [line.strip() for line in text.splitlines() if line.strip().isdigit()]
    assert numbers == [str(number) for number in range(30 - LAST_LINES + 1, 31)]
    assert "non-zero code: 7" in text
    assert log.image_id == ""


def test_an_error_before_the_first_step() -> None:
    with pytest.raises(LabError, match="its first step"):
        BuildLog().feed({"error": "dockerfile parse error"})


def test_lines_cut_anywhere_are_put_together() -> None:
    log = BuildLog()
    text = "Step 1/2 : RUN x\n\x1b[91mhalf\x1b[0m line\n"
    got = [line for piece in text for line in log.feed({"stream": piece})]
    assert got == ["step 1 of 2: RUN x", "  half line"]


def test_escapes_and_overwritten_lines_are_cleaned() -> None:
    assert clean("\x1b[31m10%\r\x1b[0m100%\r") == "100%"
