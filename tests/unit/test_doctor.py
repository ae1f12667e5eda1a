"""The doctor's facts, what each tells to do, and the advice for each kind of system."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pghalab.lab import doctor
from pghalab.lab.host import install, space
from pghalab.lab.settings import default_settings, save_settings
from pghalab.lab.types import ErrorKind, LabError

DEBIAN = {"ID": "debian"}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("PGHALAB_MIN_FREE_GB", raising=False)
    return tmp_path / "state"


@pytest.mark.parametrize(
    ("platform_name", "release", "os_release", "system"),
    [
        ("darwin", "23.1.0", {}, "macos"),
        ("linux", "6.1.0-13-amd64", DEBIAN, "debian"),
        ("linux", "6.8.0", {"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "debian"),
        ("linux", "6.8.0", {"ID": "fedora"}, "fedora"),
        ("linux", "5.14.0", {"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "fedora"),
        ("linux", "5.15.90.1-microsoft-standard-WSL2", {"ID": "ubuntu"}, "wsl"),
        ("linux", "6.8.0", {"ID": "arch"}, "other"),
        ("linux", "6.8.0", {}, "other"),
    ],
)
def test_systems_are_told_apart(platform_name: str, release: str, os_release: dict[str, str], system: str) -> None:
    assert install.detect(platform_name, release, os_release) == system


def test_each_system_gets_its_own_command() -> None:
    systems: list[install.System] = ["debian", "fedora", "macos"]
    commands = [install.engine(system, installed=False, root=False).command for system in systems]
    assert len(set(commands)) == 3
    assert "apt-get install -y docker.io debootstrap" in commands[0]
    assert "dnf" in commands[1] and "brew" in commands[2]
    assert "sudo" not in install.engine("debian", installed=False, root=True).command
    assert "install" not in install.engine("debian", installed=True, root=True).command
    assert "https://" in install.engine("other", installed=False, root=False).todo


def test_a_distribution_inside_wsl_gets_its_own_packages() -> None:
    assert "apt-get" in install.engine("wsl", installed=False, root=False).command
    assert "dnf" in install.engine("wsl", installed=False, root=False, inside="fedora").command


def test_whom_the_nodes_answer_is_as_chosen_or_says_what_to_do() -> None:
    def reached(*states: str, to_open: bool = False) -> list[tuple[bool, str, str]]:
        named = {f"pgha{number}": state for number, state in enumerate(states, start=9)}
        return [(fact.ok, fact.found, fact.todo) for fact in doctor.reached(named, to_open=to_open)]

    assert reached() == []
    ((ok, found, _),) = reached("closed", "closed")
    assert ok and "each other" in found
    ((ok, found, todo),) = reached("open", "closed", "open")
    assert not ok and "on pgha9 and pgha11: the lab is open" in found and "pghalab up --open" in todo
    ((ok, _, _),) = reached("open", "open", to_open=True)
    assert ok
    ((ok, found, _),) = reached("closed", "closed", to_open=True)
    assert not ok and "although" in found
    told = reached("none no such table", "", "open", "closed")
    assert [(ok, found.split(" PostgreSQL on ")[1].split(":")[0]) for ok, found, _ in told] == [
        (False, "pgha11"),
        (False, "pgha9"),
        (False, "pgha10"),
    ]
    assert "(no such table)" in told[1][1] and "pghalab build" in told[2][1]
    # What the kernel cannot do, or an old image does not, is accepted by opening the lab.
    assert all(ok for ok, _, _ in reached("none", "", to_open=True))


def test_an_engine_elsewhere_is_not_started_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2375")
    advice = install.engine_here()
    assert "tcp://far:2375" in advice.todo
    assert advice.command == "unset DOCKER_HOST"


def test_a_folder_that_may_not_be_looked_at_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path))
    real = Path.exists

    def exists(path: Path) -> bool:
        if path == Path("/secret/docker"):
            raise PermissionError(path)
        return real(path)

    monkeypatch.setattr(Path, "exists", exists)
    assert [one.what for one in space.spaces({"DockerRootDir": "/secret/docker"})] == ["the state folder"]


def test_os_release_is_read(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text("# comment\nID=rocky\nID_LIKE=\"rhel centos fedora\"\n\nNAME='Rocky'\n")
    assert install.read_os_release(file) == {"ID": "rocky", "ID_LIKE": "rhel centos fedora", "NAME": "Rocky"}
    assert install.read_os_release(tmp_path / "none") == {}


@pytest.mark.parametrize(("api", "ok"), [("1.40", False), ("1.41", True), ("1.50", True), ("2.0", True), ("?", False)])
def test_the_engine_must_be_recent(api: str, ok: bool) -> None:
    fact = doctor.engine_version({"Version": "x", "ApiVersion": api, "Os": "linux"})
    assert fact.ok is ok
    assert bool(fact.todo) is not ok


def test_architecture_and_memory() -> None:
    assert doctor.architecture("x86_64").found == "amd64"
    assert doctor.architecture("aarch64").found == "arm64"
    assert not doctor.architecture("riscv64").ok
    assert doctor.memory(8 * space.GIB).ok
    assert not doctor.memory(space.GIB).ok


def test_a_disk_that_is_nearly_full_is_told_and_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = {"DockerRootDir": str(tmp_path)}
    monkeypatch.setenv("PGHALAB_MIN_FREE_GB", "0")
    assert [fact.ok for fact in doctor.disk(info)] == [True, True]
    space.require(info)
    monkeypatch.setenv("PGHALAB_MIN_FREE_GB", "900000")
    assert [fact.ok for fact in doctor.disk(info)] == [False, False]
    with pytest.raises(LabError) as caught:
        space.require(info)
    assert "PGHALAB_MIN_FREE_GB" in caught.value.todo


def test_only_a_folder_of_this_host_is_measured() -> None:
    assert len(space.spaces({"DockerRootDir": "/not/on/this/host"})) == 1
    assert len(space.spaces(None)) == 1


@pytest.mark.parametrize("value", ["lots", "-1", "nan", "inf"])
def test_a_bad_limit_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PGHALAB_MIN_FREE_GB", value)
    with pytest.raises(LabError):
        space.minimum()
    assert [fact.ok for fact in doctor.disk(None)] == [False]


def test_a_key_that_others_can_read_is_told(state: Path) -> None:
    settings = default_settings("pgha")
    assert [fact.ok for fact in doctor.key_files(settings)] == [True, True]
    save_settings(settings)
    key = state / "labs" / "pgha" / "console_ed25519"
    key.write_text("x")
    key.chmod(0o644)
    facts = doctor.key_files(settings)
    assert [fact.ok for fact in facts] == [False, True]
    assert str(key) in facts[0].command and "0600" in facts[1].found


def test_a_state_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert doctor.state_folder().ok
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "file"))
    fact = doctor.state_folder()
    assert not fact.ok and "PGHALAB_STATE_DIR" in fact.command


def test_the_doctor_makes_no_folder_to_see_whether_it_can(state: Path) -> None:
    assert doctor.state_folder().ok
    assert [fact.ok for fact in doctor.key_files(default_settings("pgha"))] == [True, True]
    assert not state.exists()


@pytest.mark.parametrize(
    ("kind", "command"), [("no-engine", "docker"), ("no-permission", "usermod"), ("engine-settings", "")]
)
def test_each_trouble_with_the_engine_has_its_own_advice(
    kind: ErrorKind, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    fact = doctor.no_engine(LabError("It cannot be used.", todo="Mend the settings.", kind=kind))
    assert command in fact.command and bool(command) is bool(fact.command)
    assert (fact.todo == "Mend the settings.") is (kind == "engine-settings")


def test_the_terminal() -> None:
    size = os.terminal_size
    assert [fact.ok for fact in doctor.terminal({"TERM": "xterm-256color"}, size((120, 40)), True)] == [True, True]
    assert [fact.ok for fact in doctor.terminal({"TERM": "xterm"}, size((20, 5)), True)] == [False, True]
    assert [fact.ok for fact in doctor.terminal({"TERM": "dumb"}, size((80, 24)), True)] == [True, False]
    assert "no colours" in doctor.terminal({"TERM": "xterm", "NO_COLOR": "1"}, size((80, 24)), True)[1].found
    assert "24-bit" in doctor.terminal({"TERM": "xterm", "COLORTERM": "truecolor"}, size((80, 24)), True)[1].found
    assert [fact.ok for fact in doctor.terminal({}, size((20, 5)), False)] == [True]


def test_python() -> None:
    assert doctor.python((3, 11, 0)).ok
    assert not doctor.python((3, 10, 9)).ok


async def test_without_an_engine_the_other_facts_are_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    facts = await doctor.examine(default_settings("pgha"))
    assert (facts[0].check, facts[0].ok) == ("engine", False)
    assert facts[0].todo
    assert {"python", "state folder", "ssh key", "disk"} <= {fact.check for fact in facts}
    assert not doctor.healthy(facts)
    assert json.loads(json.dumps([fact.as_dict() for fact in facts]))[0]["ok"] is False
