"""What must not be loaded before it is needed, since the first screen and `--help` wait for it."""

import subprocess
import sys

import pytest

HEAVY = {
    "textual",
    "docker",
    "asyncssh",
    "yaml",
    "grpc",
    "etcd3",
    "psycopg",
    "rich",
    "h11",
    "urllib3",
    "platformdirs",
    "pyghostty",
    "aiohttp",
}


def loaded(code: str) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stderr.splitlines()[-1].split())


def test_the_command_line_loads_nothing_heavy() -> None:
    modules = loaded("import pghalab.cli; pghalab.cli.parser()")
    assert HEAVY & modules == set()
    assert not {"asyncio", "logging", "dataclasses", "json", "pathlib"} & modules


def test_the_help_of_the_program_loads_no_verb() -> None:
    modules = loaded("import pghalab.cli; pghalab.cli.parser(['--help']).format_help()")
    assert not [name for name in modules if name.startswith("pghalab.verbs")]
    assert "typing" not in modules


@pytest.mark.parametrize(
    "module",
    [
        "pghalab.lab.types", "pghalab.lab.settings", "pghalab.lab.host.paths", "pghalab.course.model",
        "pghalab.course.events", "pghalab.course.progress", "pghalab.cluster.model",
    ],
)  # fmt: skip
def test_values_load_nothing_heavy(module: str) -> None:
    assert HEAVY & loaded(f"import {module}") == set()


def test_the_first_screen_waits_for_no_library_but_textual() -> None:
    assert HEAVY & loaded("import pghalab.app") == {"textual", "rich", "platformdirs"}


def test_the_presenter_s_notes_load_nothing_that_reaches_a_lab() -> None:
    modules = loaded("import pghalab.verbs.notes, pghalab.screens.notes")
    assert HEAVY & modules == {"textual", "rich", "platformdirs"}
    assert not [name for name in modules if name.startswith(("pghalab.lab.engine", "pghalab.lab.ssh"))]


def test_the_course_engine_loads_yaml_only_when_it_reads() -> None:
    assert HEAVY & loaded("import pghalab.course.runner, pghalab.course.lint, pghalab.course.report") == set()
    reading = loaded("import pghalab.course.load as load; load.load_course()")
    assert HEAVY & reading == {"yaml"}
