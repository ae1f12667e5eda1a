"""The package as it is installed: everything that is no Python is in it, and the program works from anywhere."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import flit_core
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "flit_core.wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    [built] = folder.glob("pghalab-*.whl")
    return built


def test_the_wheel_holds_everything_that_is_no_code(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    package = ROOT / "pghalab"
    kinds = {
        "lessons": package.glob("lessons/*.md"),
        "image": package.glob("image/**/*"),
        "styles": package.rglob("*.tcss"),
    }
    for kind, paths in kinds.items():
        wanted = {
            path.relative_to(ROOT).as_posix() for path in paths if path.is_file() and "__pycache__" not in path.parts
        }
        assert wanted, kind
        assert wanted - inside == set()
    assert "pghalab/image/Dockerfile" in inside
    assert not [name for name in inside if name.startswith("tests/") or name.endswith(".pyc")]


def test_installed_into_a_fresh_environment_it_works(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv")
    programs = tmp_path / "venv" / "bin"
    # The build back end and the dependencies come from here: nothing is fetched.
    here = Path(flit_core.__file__).parents[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    env |= {"PYTHONPATH": str(here), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PGHALAB_STATE_DIR": str(tmp_path / "state")}

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python = str(programs / "python")
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        str(ROOT),
    )
    pghalab = str(programs / "pghalab")
    assert "Example: pghalab" in run(pghalab, "--help")
    assert run(pghalab, "lint").startswith("17 lessons")
    look = (
        "import pghalab, pghalab.app; from pghalab.lab.image.context import image_files; "
        "print(pghalab.__file__); print(*image_files()); pghalab.app.PghalabApp()"
    )
    where, files = run(python, "-c", look).splitlines()
    assert Path(where).is_relative_to(tmp_path)
    assert "Dockerfile" in files.split() and "requirements.txt" in files.split()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "scripts/build-backend.lock"])
def test_the_pins_have_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = [pin for pin in text.replace("\\\n", " ").splitlines() if pin.strip() and not pin.startswith("#")]
    assert pins
    assert "://" not in text and "index-url" not in text
    assert [pin for pin in pins if not ("==" in pin and "--hash=sha256:" in pin)] == []


def test_what_the_package_imports_is_what_it_declares() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = {re.split(r"[^a-z0-9_]", line)[0] for line in tomllib.load(file)["project"]["dependencies"]}
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "pghalab").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    called = {"yaml": "pyyaml", "grpc": "grpcio"}
    ours = {called.get(name, name) for name in imported - sys.stdlib_module_names - {"pghalab"}}
    assert ours - declared == set()
    assert declared - ours == {"protobuf"}, "etcd3 needs it and does not bound it"
