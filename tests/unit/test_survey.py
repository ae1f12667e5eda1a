"""All the common mistakes at once: the gravest first, silent before what they are about has begun, never for long."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pghalab.cluster.traces import MEMBER
from pghalab.course.checks.facts import Facts
from pghalab.course.checks.paths import LONGEST
from pghalab.course.diagnoses import begun, files
from pghalab.course.diagnoses import survey as module
from pghalab.course.diagnoses.survey import Survey, as_facts, survey
from pghalab.course.localise import Names
from pghalab.lab.types import Result
from tests.fake_lab.lab import FakeLab, lab_of
from tests.fake_lab.node import FakeNode
from tests.fake_lab.sources import FakeSources, cluster_of_three

LOG = "/var/log/etcd/etcd-standalone.log"


async def seen(lab: FakeLab, sources: FakeSources) -> Survey:
    facts = Facts(lab, sources)
    try:
        return await survey(facts, Names())
    finally:
        await facts.close()


async def named(lab: FakeLab, sources: FakeSources) -> list[str]:
    return [one.name for one in (await seen(lab, sources)).found]


def there(lab: FakeLab, *paths: str, on: str = "") -> None:
    """What lies on the nodes, or on one of them, of what tells how far the course has come."""
    for node in [lab.nodes[on]] if on else lab.nodes.values():
        node.answers["ls -d"] = "".join(f"{path}\n" for path in paths)


def path_of(command: str) -> str:
    """The file that a command looks at."""
    return command.partition("\n")[0].removeprefix("p=")


def only(node: FakeNode, *paths: str) -> None:
    """Nothing runs on a node, and of what was recorded there only these files are there."""
    node.processes.clear()
    node.recorded = {one: told for one, told in node.recorded.items() if path_of(one) in paths}


@pytest.fixture(autouse=True)
def cluster(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    asked = next(command for command in lab.nodes["pgha1"].recorded if command.startswith(f"p={files.VARS}\n"))
    answer = lab.nodes["pgha1"].recorded[asked]
    for name, node in lab.nodes.items():
        # No check looks at it elsewhere, so that it was recorded on one node only.
        node.recorded = {**node.recorded, asked: replace(answer, stdout=answer.stdout.replace('"pgha1"', f'"{name}"'))}


async def test_a_healthy_lab_has_none_and_the_doctor_says_of_which(lab: FakeLab, sources: FakeSources) -> None:
    there(lab, *begun.TRACES)
    found = await seen(lab, sources)
    assert found == Survey((), (), tuple(lab.nodes))
    (fact,) = as_facts(found)
    assert fact.ok and fact.found.endswith("common mistakes shows on pgha1, pgha2, pgha3, pgha4 and pgha5")


async def test_what_later_lessons_bring_is_not_missed_before(lab: FakeLab, sources: FakeSources) -> None:
    kept = {name: node.recorded for name, node in lab.nodes.items()}
    for node in lab.nodes.values():
        only(node, *files.FOLDERS)
    assert await named(lab, sources) == [], "the lab was only deployed"

    def writes(name: str, *paths: str) -> None:
        node = lab.nodes[name]
        node.recorded = {**node.recorded, **{one: kept[name][one] for one in kept[name] if path_of(one) in paths}}

    writes("pgha1", files.ETCD_CONF)
    assert await named(lab, sources) == [], "lesson 7 shows the plain file first"
    writes("pgha1", begun.ETCD_YAML, files.VARS)
    there(lab, begun.ETCD_YAML, on="pgha1")
    assert await named(lab, sources) == [], "the other nodes come after the first"
    there(lab, begun.ETCD_YAML, LOG, on="pgha1")
    lab.nodes["pgha1"].processes["etcd"] = "postgres"
    (missing,) = (await seen(lab, sources)).found
    assert (missing.name, missing.nodes) == ("etcd-yaml-missing", ("pgha2", "pgha3", "pgha4", "pgha5"))

    for name in lab.nodes:
        writes(name, begun.ETCD_YAML, files.VARS)
        there(lab, begun.ETCD_YAML, on=name)
    there(lab, begun.ETCD_YAML, LOG, MEMBER, on="pgha1")
    assert await named(lab, sources) == [], "one of five waits, and the others were never started"
    for name in ("pgha2", "pgha3"):
        there(lab, begun.ETCD_YAML, MEMBER, on=name)
    assert await named(lab, sources) == ["etcd-waits", "endpoints-missing"], "three of five were there"
    there(lab, begun.ETCD_YAML, "/var/log/patroni/patroni.out", on="pgha2")
    assert {"patroni-yaml-missing", "patroni-no-majority"} <= set(await named(lab, sources)), "Patroni was tried"


async def test_the_gravest_comes_first_and_a_notice_is_nothing_wrong(lab: FakeLab, sources: FakeSources) -> None:
    there(lab, *begun.TRACES)
    lab.nodes["pgha2"].processes["etcd"] = "root"
    sources.dcs["config"] = json.dumps({"pause": True, "postgresql": {"pg_hba": ["local all all peer"]}})
    lab.nodes["pgha1"].answers["pg_hba.conf"] = "regular file|postgres|600\n0\nlocal all all peer\n"
    found = await seen(lab, sources)
    assert [one.name for one in found.found if one.name != "hba-old"] == ["hba-no-localhost", "etcd-root", "paused"]
    assert [fact.ok for fact in as_facts(found)][-1:] == [True]
    root = next(fact for fact in as_facts(found) if "runs as root" in fact.found)
    assert not root.ok and root.found.startswith("etcd runs as root on pgha2") and "chown" in root.todo


async def test_a_part_that_cannot_be_looked_at_is_named(lab: FakeLab, sources: FakeSources) -> None:
    there(lab, *begun.TRACES)
    lab.put("exited", "pgha4")
    lab.nodes["pgha5"].link, lab.nodes["pgha5"].link_reason = "down", "no answer"
    found = await seen(lab, sources)
    assert found.unseen == ("pgha5 is out of reach: no answer",)
    assert [(one.name, one.nodes) for one in found.found] == [("node-stopped", ("pgha4",))]
    assert found.looked == ("pgha1", "pgha2", "pgha3")
    facts = as_facts(found)
    assert [fact.ok for fact in facts] == [False, False] and facts[
        1
    ].found == "not looked at: pgha5 is out of reach: no answer"


async def test_a_lab_that_is_stopped_has_nothing_to_look_at(lab: FakeLab, sources: FakeSources) -> None:
    lab.put("exited")
    found = await seen(lab, sources)
    assert found == Survey(()) and [(fact.ok, fact.found) for fact in as_facts(found)] == [(True, "no node runs")]
    lab.put("running")
    for node in lab.nodes.values():
        node.link, node.link_reason = "down", "no answer"
    assert len((await seen(lab, sources)).unseen) == 5


async def test_what_has_no_answer_is_not_waited_for(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> Any:
        await asyncio.Event().wait()

    there(lab, *begun.TRACES)
    lab.nodes["pgha2"].processes["etcd"] = "root"
    monkeypatch.setattr(sources, "query", never)
    monkeypatch.setattr(module, "LIMIT", 0.3)
    found = await seen(lab, sources)
    assert [one.name for one in found.found] == ["etcd-root"]
    (words,) = found.unseen
    assert "had no answer within 0.3 s" in words and "superuser-password" in words and "etcd-root" not in words


class Bash(FakeNode):
    """A node whose commands this machine runs."""

    async def run(self, command: str, **_: Any) -> Result:
        self.ran.append(command)
        # What runs here is none of a test's business.
        command = command.partition("\n")[2] if command.startswith("ps ") else command
        done = await asyncio.to_thread(subprocess.run, ["bash", "-c", command], capture_output=True, text=True)
        return Result(done.returncode, done.stdout, done.stderr, 0.0)


class Whole(Bash):
    """A node on which the first look finds its processes and this machine's files."""

    async def run(self, command: str, **how: Any) -> Result:
        files = await super().run(command, **how)
        return replace(files, stdout=self._listing() + files.stdout) if command.startswith("ps ") else files


async def test_one_command_a_node_tells_what_runs_and_what_lies_there(tmp_path: Path) -> None:
    nodes = [Whole(f"pgha{number}", f"192.168.50.{9 + number}") for number in range(1, 6)]
    nodes[0].processes["bash"], nodes[0].lines["bash"] = "postgres", "bash writer.sh"
    found = await seen(lab_of(*nodes), FakeSources())
    assert {one.name for one in found.found} >= {"writer-elsewhere"}
    later = [command for node in nodes for command in node.ran[1:]]
    assert all(len(node.ran) > 1 and node.ran[0].startswith("ps ") for node in nodes)
    assert not [one for one in later if one.startswith(("ps ", "pgrep ", "ls -d ")) or path_of(one) in module._READ]


async def test_many_files_are_read_with_one_command_whatever_they_hold(tmp_path: Path) -> None:
    texts = {
        "one": "a\n",
        "none": "",
        "two": "no newline at the end",
        "long": "x" * 300_000,
        "like": "--- 0123456789abcdef\nregular file|x|1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").touch()
    (tmp_path / "folder" / ".hidden").touch()
    (tmp_path / "empty").mkdir()
    node = Bash("pgha1")
    paths = [str(tmp_path / name) for name in (*texts, "missing", "folder", "empty")]
    alone, together = Facts(lab_of(node)), Facts(lab_of(node))
    os.mkfifo(tmp_path / "pipe")
    traces = [*paths, str(tmp_path / "pipe")]
    await together.look(node, [*paths, str(tmp_path / "pipe")], traces)
    asked = len(node.ran)
    assert asked == 1
    pipe = await together.file(node, str(tmp_path / "pipe"))
    assert pipe is not None and (pipe.type, pipe.text) == ("fifo", ""), "nobody waits for who writes to it"
    assert await together.there(node, traces) == {path for path in traces if not path.endswith("missing")}
    assert len(node.ran) == 1
    for path in paths:
        found = await together.file(node, path)
        assert len(node.ran) == asked
        assert found == await alone.file(node, path)
        asked = len(node.ran)
        assert found is None or found.text == texts.get(Path(path).name, "")[:LONGEST]
    await alone.close()
    await together.close()
