"""The real image: what it holds, a build from the cache, a build that fails, one that is cancelled, its scripts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from docker.errors import NotFound

from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import HOLDER_LABEL
from pghalab.lab.engine.longcall import Cancel, lines_of, open_client
from pghalab.lab.host.process import this_process
from pghalab.lab.image.build import build_image, image_versions
from pghalab.lab.image.buildlog import BuildLog
from pghalab.lab.image.context import pack
from pghalab.lab.types import Ended, LabError, Output
from tests.live.conftest import until

ROOT = Path(__file__).parents[2]


async def run_in_image(engine: Engine, image: str, command: str, user: str = "postgres") -> tuple[int, str]:
    """The exit status and the output of a command in a container of its own."""

    def run() -> tuple[int, str]:
        container = engine.client.containers.create(
            image, entrypoint=["/bin/bash", "-c", command], user=user, hostname="pgha1", network_mode="none",
            labels={"pghalab.lab": "imgtest"},
        )  # fmt: skip
        try:
            container.start()
            status = container.wait(timeout=60)["StatusCode"]
            return status, container.logs().decode()
        finally:
            container.remove(force=True, v=True)

    return await asyncio.to_thread(run)


def building(dockerfile: str, seen: list[BuildLog]) -> Callable[[Callable[[str], None], Cancel], None]:
    def work(say: Callable[[str], None], cancel: Cancel) -> None:
        log = BuildLog()
        seen.append(log)
        api = open_client(cancel)
        context = pack({"Dockerfile": dockerfile.encode()})
        for chunk in api.build(fileobj=context, custom_context=True, rm=True, forcerm=True, decode=True):
            for line in log.feed(chunk):
                say(line)

    return work


async def test_second_build_comes_from_the_cache(engine: Engine, image: str) -> None:
    before = engine.api.inspect_image(image)["Id"]
    async with contextlib.aclosing(build_image(engine, image)) as events:
        seen = [event async for event in events]
    lines = [event.text for event in seen if isinstance(event, Output)]
    steps = [line for line in lines if line.startswith("step ")]
    total = int(steps[0].split(" of ")[1].split(":")[0])
    assert [int(line.split()[1]) for line in steps] == list(range(1, total + 1))
    # Neither FROM nor the versions step can be cached; every other one is.
    assert lines.count("  from the cache\n") == total - 2
    assert isinstance(seen[-1], Ended) and seen[-1].exit_status == 0
    assert seen[-1].seconds < 2
    assert engine.api.inspect_image(image)["Id"] == before


async def test_versions_are_those_of_the_programs(engine: Engine, image: str) -> None:
    versions = await image_versions(engine, image)
    status, text = await run_in_image(
        engine, image, "/usr/pgsql-17/bin/postgres --version; etcd --version; patroni --version; pgbackrest version"
    )
    assert status == 0 and versions is not None
    assert set(versions) == {"postgresql", "etcd", "patroni", "pgbackrest"}
    for name, version in versions.items():
        assert f" {version}" in text, name
    assert engine.api.inspect_image(image)["Config"]["Labels"]["pghalab.image"] == "1"
    assert await image_versions(engine, "pghalab-absent:none") is None


async def test_the_doctor_names_the_versions(engine: Engine, image: str) -> None:
    versions = await image_versions(engine, image)
    doctor = [sys.executable, "-m", "pghalab", "doctor"]
    plain = await asyncio.to_thread(subprocess.run, doctor, capture_output=True, text=True, cwd=ROOT)
    (line,) = [line for line in plain.stdout.splitlines() if line.split()[1:2] == ["image"]]
    assert versions is not None
    assert all(f"{name} {version}" in line for name, version in versions.items())
    as_json = await asyncio.to_thread(subprocess.run, [*doctor, "--json"], capture_output=True, text=True, cwd=ROOT)
    (fact,) = [fact for fact in json.loads(as_json.stdout)["facts"] if fact["check"] == "image"]
    assert fact["ok"] and all(f"{name} {version}" in fact["found"] for name, version in versions.items())


async def test_patroni_cannot_do_without_python_etcd(engine: Engine, image: str) -> None:
    """Its module for etcd 3 takes its errors from there; the day it does not, the package leaves the image."""
    status, text = await run_in_image(
        engine,
        image,
        "/opt/patroni/bin/python -c 'import sys; sys.modules[\"etcd\"] = None; import patroni.dcs.etcd3'",
    )
    assert status == 1 and "import of etcd halted" in text


async def test_nothing_secret_or_superfluous_is_baked_in(engine: Engine, image: str) -> None:
    script = (
        "find / -xdev \\( -name 'ssh_host_*' -o -name 'id_ed25519*' -o -name authorized_keys -o -name .pgpass "
        "-o -path '/var/lib/apt/lists/*' -o -path '/usr/share/man/*' -o -path '/usr/share/doc/*/*' \\) -type f; "
        "ls /pgdata/17 /etc/postgresql/17 2>/dev/null; true"
    )
    status, text = await run_in_image(engine, image, script, user="root")
    assert (status, [line for line in text.splitlines() if not line.endswith(":") and line]) == (0, [])


async def test_a_failing_step_is_shown_with_its_last_lines(engine: Engine, image: str) -> None:
    mark = uuid.uuid4().hex
    logs: list[BuildLog] = []
    with pytest.raises(LabError) as caught:
        async with contextlib.aclosing(
            lines_of(building(f"FROM {image}\nRUN seq 25; echo {mark} >&2; exit 3\n", logs))
        ) as lines:
            async for _ in lines:
                pass
    assert "step 2 of 2" in str(caught.value) and "non-zero code: 3" in str(caught.value)
    assert mark in str(caught.value)


async def test_what_a_killed_build_left_is_taken_away_by_the_next(engine: Engine, image: str) -> None:
    says = "import json; from dataclasses import asdict; from pghalab.lab.host.process import this_process as one"
    dead = subprocess.check_output([sys.executable, "-c", f"{says}; print(json.dumps(asdict(one(''))))"], text=True)
    living = json.dumps(asdict(this_process("")))
    made = [
        engine.api.create_container(image, labels={"pghalab.image": "1", HOLDER_LABEL: reader})["Id"]
        for reader in (dead, living)
    ]
    try:
        async with contextlib.aclosing(build_image(engine, image)) as events:
            ended = [event async for event in events][-1]
        assert isinstance(ended, Ended) and ended.exit_status == 0
        with pytest.raises(NotFound):
            engine.api.inspect_container(made[0])
        assert engine.api.inspect_container(made[1])["State"]["Status"] == "created"
    finally:
        for one in made:
            with contextlib.suppress(NotFound):
                engine.api.remove_container(one, force=True)


async def test_a_cancelled_build_stops_on_the_engine(engine: Engine, image: str) -> None:
    mark = uuid.uuid4().hex

    def running() -> list[str]:
        found = []
        for container in engine.api.containers():
            with contextlib.suppress(NotFound):
                if mark in json.dumps(engine.api.inspect_container(container["Id"])["Config"]["Cmd"]):
                    found.append(container["Id"])
        return found

    lines = lines_of(building(f"FROM {image}\nRUN echo {mark} && sleep 600\n", []))
    async for line in lines:
        if line.strip() == mark:
            break
    # What a container prints comes before the engine lists it as running.
    await until(lambda: bool(running()))
    await lines.aclose()
    async with asyncio.timeout(30):
        while running():
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("command", "user", "status", "message"),
    [
        ("/etcdSetup.sh -h", "postgres", 0, "Usage:"),
        ("/patroniSetup.sh -h", "postgres", 0, "Usage:"),
        ("/createRoles.sh -h", "postgres", 0, "Usage:"),
        ("/etcdSetup.sh -y", "postgres", 1, "NODELIST is not set"),
        ("NODELIST=pgha1:192.168.50.300 /etcdSetup.sh -y", "postgres", 1, "not name:address"),
        ("NODELIST=pgha2:192.168.50.11 /etcdSetup.sh -y", "postgres", 1, "does not name this node"),
        ("NODELIST=pgha1:192.168.50.10 /etcdSetup.sh -x", "postgres", 2, "unknown option -x"),
        ("NODELIST=pgha1:192.168.50.10 /etcdSetup.sh -y extra", "postgres", 2, "unexpected argument"),
        ("rmdir /pgha/config; NODELIST=pgha1:192.168.50.10 /etcdSetup.sh -y", "postgres", 1, "/pgha/config is missing"),
        ("NODELIST=pgha1:192.168.50.10 /etcdSetup.sh -y", "root", 1, "user postgres"),
        ("NODELIST=pgha1:192.168.50.10 /etcdSetup.sh -y -e", "postgres", 1, "etcd1 does not resolve"),
        ("/patroniSetup.sh", "postgres", 1, "patroniVars is missing"),
        ("/patroniSetup.sh -x", "postgres", 2, "unknown option -x"),
        ("/patroniSetup.sh", "root", 1, "user postgres"),
        ("/createRoles.sh", "postgres", 1, "node.env is missing"),
        ("/createRoles.sh a b", "postgres", 2, "unexpected argument"),
        ("end-run", "root", 2, "one run's ID"),
        ("end-run abc", "postgres", 1, "needs root"),
        ("node-filter -h", "postgres", 0, "Usage:"),
        ("NODELIST=pgha1:192.168.50.10 node-filter", "postgres", 1, "needs root"),
        ("node-filter closed", "root", 1, "NODELIST is not set"),
        ("node-filter shut", "root", 2, "neither open nor closed"),
        ("NODELIST=pgha1:192.168.50.10 node-filter", "root", 0, "none "),
        ("node-keys -h", "postgres", 0, "Usage:"),
        ("node-keys", "postgres", 1, "needs root"),
        ("node-keys all", "root", 2, "unexpected argument"),
        ("node-start", "root", 1, "PGHALAB_PASSWORD is not set"),
        ("PGHALAB_PASSWORD=x PGHALAB_AUTH=trust node-start", "root", 1, "scram-sha-256 or md5"),
    ],
)
async def test_scripts_say_what_is_wrong(
    engine: Engine, image: str, command: str, user: str, status: int, message: str
) -> None:
    got, text = await run_in_image(engine, image, command, user)
    assert (got, message in text) == (status, True), text


@pytest.mark.parametrize("shell", ["bash -l", "bash", "su - postgres", "sudo -E -u postgres bash"])
async def test_every_interactive_bash_marks_what_is_typed(engine: Engine, image: str, shell: str) -> None:
    command = f"export TERM=xterm; printf '(exit 3)\\nexit\\n' | script -qec {shell!r} /dev/null"
    _, text = await run_in_image(engine, image, command, "root")
    who = "postgres;pgha1" if "postgres" in shell else "root;pgha1"
    assert re.search(rf"\x1b\]7717;A;[0-9a-f]{{16}};{who}\x07", text), text
    assert re.search(rf"\x1b\]7717;C;[0-9a-f]{{16}};{who};8;KGV4aXQgMyk=\x07", text), text
    assert re.search(r"\x1b\]7717;D;[0-9a-f]{16};3\x07", text), text


@pytest.mark.parametrize(
    "command",
    [
        "bash -lc 'echo plain'",
        "bash -ic 'echo plain'",
        "echo 'echo plain' | bash -i",
        "script -qec 'bash -lc \"echo plain\"' /dev/null",
        "script -qec 'sh -ic \"echo plain\"' /dev/null",
        "printf 'echo plain\\nexit\\n' | TERM=dumb script -qec 'bash -l' /dev/null",
    ],
)
async def test_what_is_no_interactive_bash_on_a_terminal_prints_no_mark(
    engine: Engine, image: str, command: str
) -> None:
    _, text = await run_in_image(engine, image, command, "root")
    assert "plain" in text and "\x1b]" not in text


AT_ONCE = """
cd /etc/pghalab/keys
for round in $(seq {rounds}); do
    find . -mindepth 1 -delete
    {before}
    started=()
    for node in $(seq {nodes}); do node-keys & started+=($!); done
    for one in ${{started[@]}}; do wait $one && echo made; done
    diff <(sudo -u postgres ssh-keygen -y -f id_ed25519 2>/dev/null) id_ed25519.pub && echo a pair
done
"""


@pytest.mark.parametrize("before", [":", "chown postgres . && ln -s /etc/shadow lock && mkdir id_ed25519.pub"])
async def test_nodes_that_start_at_once_share_one_key_pair(engine: Engine, image: str, before: str) -> None:
    rounds, nodes = 8, 5
    command = AT_ONCE.format(rounds=rounds, nodes=nodes, before=before)
    status, text = await run_in_image(engine, image, command, "root")
    assert (status, text.split()) == (0, (["made"] * nodes + ["a", "pair"]) * rounds), text


async def test_both_configuration_formats(engine: Engine, image: str) -> None:
    listing = "NODELIST='pgha1:192.168.50.10 pgha2:192.168.50.11'"
    status, text = await run_in_image(engine, image, f"{listing} /etcdSetup.sh -y && cat /pgha/config/patroniVars")
    assert status == 0
    assert 'initial-cluster: "pgha1=http://192.168.50.10:2380,pgha2=http://192.168.50.11:2380"' in text
    assert 'export ENDPOINTS="pgha1:2379,pgha2:2379"' in text
    assert 'ETCD_NODES="pgha1:2379,pgha2:2379"' in text
    status, text = await run_in_image(engine, image, f"{listing} /etcdSetup.sh && ls /pgha/config")
    assert status == 0
    assert "ETCD_NAME=pgha1" in text and "etcd.conf" in text and "etcd.yaml" not in text
