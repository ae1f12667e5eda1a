"""`pghalab serve`: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pghalab import cli
from pghalab.lab.host.paths import state_dir
from pghalab.serve import address
from pghalab.terminal import engine
from pghalab.verbs import serve as verb

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The program, and what it printed until it told what the room sees."""
    argv = [sys.executable, "-u", "-m", "pghalab", "serve", *words]
    with subprocess.Popen(argv, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
        assert program.stdout is not None
        printed = []
        for line in program.stdout:
            printed.append(line.rstrip())
            if line.startswith(("Paused", "The room sees the")):
                break
        try:
            yield program, printed
        finally:
            program.kill()


def url(printed: list[str]) -> str:
    (found,) = [line.strip() for line in printed if "http://" in line]
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_says_where_and_ends_when_told_to(number: signal.Signals) -> None:
    with serving() as (program, printed):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[0-9a-f]{40}/", url(printed))
        assert printed[-1] == (
            "Paused. The room reads: The presenter's console is not open yet. This page goes on by itself once it is."
        )
        assert not any("open to the network" in line for line in printed)
        program.send_signal(number)
        assert program.wait(20) == 0
        assert program.stdout is not None and program.stdout.read() == ""


def test_started_again_it_has_the_same_address_unless_another_is_wanted(state: Path) -> None:
    with serving() as (_, printed):
        first = url(printed)
    with serving() as (_, printed):
        assert url(printed) == first
        # The port is taken by the one that still runs: a second one finds a free one.
        with serving() as (_, other):
            assert url(other) != first
    with serving("--new-address") as (_, printed):
        assert url(printed).split("/")[3] != first.split("/")[3]
    assert first.split("/")[3] not in "".join(file.read_text() for file in state.glob("*.log"))


def test_to_a_network_it_is_opened_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    for host, warned in (("0.0.0.0", True), ("192.0.2.7", True), ("127.0.0.1", False), ("::1", False)):
        verb._announce("pgha", address.Address(8080, "f" * 40), host)
        said = capsys.readouterr().out
        assert f":8080/{'f' * 40}/\n" in said and "http://0.0.0.0" not in said
        assert ("open to the network" in said, "not encrypted" in said) == (warned, warned)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "TAKEN"], ["Port {port} on 127.0.0.1 is taken by another program.", "--port"]),
        (["--listen", "192.0.2.7"], ["This machine does not have the address 192.0.2.7.", "0.0.0.0"]),
        (["--listen", "somewhere"], ["'somewhere' is not an address.", "--listen"]),
        (["--listen", "1.2.3.4/24"], ["'1.2.3.4/24' is not an address."]),
        (["--port", "65536"], ["65536 is no port.", "1 to 65535"]),
        (["--port", "-1"], ["-1 is no port."]),
    ],
)
def test_what_cannot_be_is_said_with_what_to_do(
    words: list[str], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert cli.main(["serve", *(port if word == "TAKEN" else word for word in words)]) == 1
    printed = capsys.readouterr()
    assert all(each.format(port=port) in printed.err for each in said) and not printed.out


def test_a_machine_without_the_terminal_engine_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> engine.Engine:
        raise engine.NoEngineError("this machine has no terminal engine (musl)")

    monkeypatch.setattr(engine, "load", none)
    assert cli.main(["serve"]) == 1
    said = capsys.readouterr().err
    assert "this machine has no terminal engine (musl)" in said and "work without it" in said
    assert address.kept(state_dir("pgha")) is None
