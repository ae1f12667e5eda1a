"""The set-up scripts on machines that are not like this one: what they call on the way is played by small scripts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = (
    "sh",
    "env",
    "dirname",
    "cat",
    "cp",
    "date",
    "sleep",
    "nohup",
    "mktemp",
    "mkdir",
    "tail",
    "rm",
    "touch",
    "cksum",
)
pytestmark = pytest.mark.skipif(shutil.which("setsid") is None, reason="the engine is started on Linux only")


class Place:
    """A copy of the scripts, and the only programs that they find."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        for tool in (*TOOLS, "setsid"):
            (self.bin / tool).symlink_to(shutil.which(tool) or "")
        self.calls = folder / "calls"
        self.calls.touch()

    def program(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\ncd {self.folder}\n{text}\n")
        file.chmod(0o755)

    def run(self, script: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(self.folder / "scripts" / script), *words],
            env={"PATH": str(self.bin), **env}, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def called(self, start: str) -> list[str]:
        return [line for line in self.calls.read_text().splitlines() if line.startswith(start)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A Debian without an engine, whose packages hold one; run by root."""
    made = Place(tmp_path)
    made.program(".venv/bin/python", "test -e running")
    made.program("bin/id", "echo 0")
    made.program("bin/apt-cache", 'echo "apt-cache $*" >> calls')
    made.program(
        "bin/apt-get",
        'echo "apt-get $*" >> calls; case "$*" in *docker.io*) cp dockerd bin/dockerd ;; esac',
    )
    made.program("dockerd", "echo dockerd >> calls; echo $$ > pid; touch running; exec sleep 600")
    for manager in ("service", "systemctl"):
        made.program(f"bin/{manager}", "exit 1")
    return made


no_systemd = pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd would start it")
on_debian = pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="packages are installed on Debian only")


@on_debian
@no_systemd
def test_root_on_debian_gets_an_engine_that_outlives_make(place: Place) -> None:
    done = place.run("engine.sh", PGHALAB_DOCKERD_LOG=str(place.folder / "log"))
    assert done.returncode == 0
    assert "No container engine answers." in done.stderr
    assert "Installing Docker Engine" in done.stderr and "PGHALAB_NO_INSTALL=1" in done.stderr
    installed = place.called("apt-get install")[0].split()
    assert {"docker.io", "docker-cli", "debootstrap", "gpgv"} <= set(installed)
    process = int((place.folder / "pid").read_text())
    try:
        assert os.getsid(process) == process, "Ctrl-C of make would end it"
    finally:
        os.kill(process, signal.SIGKILL)


@on_debian
@no_systemd
def test_an_engine_that_does_not_start_is_waited_for_so_long_and_its_log_named(place: Place) -> None:
    place.program("dockerd", "echo no room")
    place.program("bin/apt-cache", "exit 100")
    log = str(place.folder / "log")
    began = time.monotonic()
    done = place.run("engine.sh", PGHALAB_DOCKERD_LOG=log, PGHALAB_ENGINE_SECONDS="2")
    assert done.returncode == 0
    assert time.monotonic() - began < 20
    assert f"did not start within 2 s; its log is {log}" in done.stderr
    assert Path(log).read_text() == "no room\n"
    assert "docker-cli" not in place.called("apt-get install")[0], "not a package of this distribution"


@pytest.mark.parametrize("why", ["refused", "not root"])
def test_without_leave_to_install_the_console_opens_all_the_same(place: Place, why: str) -> None:
    place.program("bin/id", "echo 1000" if why == "not root" else "echo 0")
    done = place.run("engine.sh", **({"PGHALAB_NO_INSTALL": "1"} if why == "refused" else {}))
    assert done.returncode == 0
    assert "No container engine answers." in done.stderr
    assert "pghalab doctor" in done.stderr
    assert place.called("apt-get") == [] == place.called("dockerd")


def test_an_engine_elsewhere_is_not_started_here(place: Place) -> None:
    done = place.run("engine.sh", DOCKER_HOST="tcp://far:2375", PGHALAB_NO_INSTALL="1")
    assert done.returncode == 0
    assert "DOCKER_HOST points to tcp://far:2375" in done.stderr


def test_the_environment_is_made_once_with_what_is_pinned(place: Place) -> None:
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, place.folder)

    def python(interpreter: str) -> None:
        place.program(
            "bin/python3",
            f"""case "$*" in
  *"venv --clear"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python; echo "$*" >> calls ;;
  *"pip install"*) echo "$*" >> calls ;;
  *) exec {interpreter} "$@" ;;
esac""".replace('"$0"', f'"{place.bin}/python3"'),
        )

    python(str(Path(sys.base_prefix, "bin", "python3")))
    assert place.run("setup.sh", "dev").returncode == 0
    made, backend, lock, package = place.called("-m")
    assert "venv --clear" in made
    assert "--require-hashes" in backend and backend.endswith("scripts/build-backend.lock")
    assert "--require-hashes --no-build-isolation" in lock and lock.endswith("requirements-dev.lock")
    assert "--no-build-isolation" in package
    # An activated environment is the same Python.
    python(sys.executable)
    for kind in ("dev", "run"):
        began = time.monotonic()
        assert place.run("setup.sh", kind).returncode == 0
        assert time.monotonic() - began < 10
    assert len(place.called("-m")) == 4
    (place.folder / "requirements-dev.lock").write_text("")
    assert place.run("setup.sh", "dev").returncode == 0
    assert len(place.called("-m")) == 8


@pytest.mark.parametrize(
    ("abi", "macos", "fits"),
    [
        ("cpython-313-x86_64-linux-gnu", "", True),
        ("cpython-313-aarch64-linux-musl", "", False),
        ("cpython-313-darwin", "12.7.6", False),
        ("cpython-313-darwin", "13.0", True),
    ],
)
def test_the_terminal_engine_is_left_out_where_it_has_no_wheel(
    abi: str, macos: str, fits: bool, tmp_path: Path
) -> None:
    elsewhere = (
        f"import platform, runpy, sys, sysconfig; sysconfig.get_config_var = lambda name: {abi!r}; "
        f"platform.mac_ver = lambda: ({macos!r},); sys.argv = ['', {str(ROOT / 'requirements.lock')!r}]; "
        f"runpy.run_path({str(ROOT / 'scripts' / 'pins.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", elsewhere], capture_output=True, text=True, check=False)
    assert done.returncode == (1 if fits else 0), done.stderr
    pins = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    lines = pins.splitlines()
    engine = next(number for number, line in enumerate(lines) if line.startswith("pyghostty=="))
    after = next(number for number in range(engine + 1, len(lines)) if not lines[number].startswith(" "))
    assert after - engine == 5, "the pin and one hash for each of four machines"
    assert done.stdout.splitlines() == ([] if fits else lines[:engine] + lines[after:])


def test_a_machine_without_a_terminal_engine_gets_everything_else(place: Place) -> None:
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, place.folder)
    interpreter = Path(sys.base_prefix, "bin", "python3")
    place.program(
        "bin/python3",
        f"""case "$*" in
  *"venv --clear"*) mkdir -p .venv/bin; cp "{place.bin}/python3" .venv/bin/python ;;
  *"pip install"*) echo "$*" >> calls ;;
  *pins.py*) echo "left out"; exit 0 ;;
  *) exec {interpreter} "$@" ;;
esac""",
    )
    done = place.run("setup.sh", "run")
    assert done.returncode == 0
    assert "no terminal engine for this machine" in done.stderr and "full-screen shell works" in done.stderr
    assert place.called("-m")[1].endswith("-r .venv/pins.lock")
    assert (place.folder / ".venv" / "pins.lock").read_text() == "left out\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_what_python_compiles_is_kept_by_every_target(tmp_path: Path) -> None:
    asks = tmp_path / "Makefile"
    asks.write_text(f"include {ROOT / 'Makefile'}\nshow:\n\t@env\n")
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PGHALAB_KEPT": "1"}
    done = subprocess.run(
        ["make", "-f", str(asks), "show"], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert "PGHALAB_KEPT=1" in done.stdout
    assert "PYTHONDONTWRITEBYTECODE" not in done.stdout
