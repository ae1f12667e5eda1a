"""Each kind of check, seen holding and seen failing, with what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pghalab.course.checks import evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts, Process, _processes
from pghalab.course.events import CheckResult
from pghalab.course.localise import Names
from pghalab.course.model import CheckSpec
from pghalab.lab.types import Container
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import MOMENT, FakeSources, cluster_of_three

TERM = MOMENT.endpoints["pgha1"].raft_term or 0
"""Of etcd, when it was recorded."""


async def look(
    lab: FakeLab,
    sources: FakeSources,
    kind: str,
    /,
    *given: Mapping[str, Any],
    output: str | None = None,
    **params: Any,
) -> tuple[CheckResult, ...]:
    """What a check sees, its parameters given as words or, where a word is Python's own, in mappings."""
    for more in given:
        params |= more
    facts = Facts(lab, sources)
    try:
        names = Names(lab.prefix, lab.subnet, lab.auth_method)
        seen = await evaluate(CheckSpec(kind, params, 1.0, 1), Context(facts, names, output))
    finally:
        await facts.close()
    # Whatever a check sees, it says of what, what it wanted and what it saw.
    assert all(isinstance(one.ok, bool) and one.check and one.wanted and one.saw for one in seen)
    return seen


def failed(results: tuple[CheckResult, ...]) -> str:
    """What the failed ones saw."""
    return "; ".join(result.saw for result in results if not result.ok)


async def test_image(lab: FakeLab, sources: FakeSources) -> None:
    assert failed(await look(lab, sources, "image")) == "it is not built"
    lab.versions = {"etcd": "3.5"}
    assert failed(await look(lab, sources, "image")) == ""


async def test_containers(lab: FakeLab, sources: FakeSources) -> None:
    assert failed(await look(lab, sources, "containers")) == ""
    lab.states["pgha2"] = Container("pgha2", "exited", "192.168.50.11", None)
    lab.nodes["pgha3"].link = "refused"
    lab.nodes["pgha3"].link_reason = "the host key changed"
    seen = await look(lab, sources, "containers")
    assert failed(seen) == "the container pgha2 is exited; pgha3 is out of reach: the host key changed"
    lab.engine_error = "no container engine answers"
    assert failed(await look(lab, sources, "containers")) == "no container engine answers"


@pytest.mark.parametrize(
    ("container", "saw"),
    [
        (Container("pgha2", "absent", "192.168.50.11", None), "there is no container"),
        (Container("pgha2", "foreign", "192.168.50.11", 2200), "the container pgha2 does not belong to this lab"),
        (Container("pgha2", "paused", "192.168.50.11", 2200), "the container pgha2 is paused"),
        (Container("pgha2", "running", "192.168.50.99", 2200), "pgha2 has the address 192.168.50.99"),
        (Container("pgha2", "running", "", 2200), "pgha2 is not on the lab's network"),
    ],
)
async def test_a_container_that_is_not_ours_or_not_in_its_place(
    lab: FakeLab, sources: FakeSources, container: Container, saw: str
) -> None:
    lab.states["pgha2"] = container
    seen = await look(lab, sources, "containers")
    assert failed(seen) == saw
    assert [result.node for result in seen if not result.ok] == ["pgha2"]


async def test_process(lab: FakeLab, sources: FakeSources) -> None:
    etcd = {"on": ["pgha1", "pgha2"], "name": "etcd", "user": "postgres"}
    lab.nodes["pgha1"].processes["etcd"] = "root"
    assert failed(await look(lab, sources, "process", etcd)) == (
        "etcd runs as root on pgha1; etcd is not running on pgha2"
    )
    assert failed(await look(lab, sources, "process", on=["pgha1"], name="etcd", running=False)) == (
        "etcd runs on pgha1"
    )
    for name in ("pgha1", "pgha2"):
        lab.nodes[name].processes["etcd"] = "postgres"
    assert failed(await look(lab, sources, "process", etcd)) == ""
    assert failed(await look(lab, sources, "process", on="data", name="patroni", running=False)) == ""


def test_processes_are_told_by_their_program() -> None:
    listing = """    PID ELAPSED USER     COMMAND
     17     3 postgres etcd --config-file /pgha/config/etcd.yaml
    218   904 postgres /opt/patroni/bin/python3 -u /opt/patroni/bin/patroni /pgha/config/patroni.yaml
    219     0 postgres postgres: checkpointer
    220     1 postgres bash -c nohup etcd --config-file x
    221     1 root [etcd] <defunct>
    222     1 root /usr/bin/python3
"""
    assert _processes(listing) == [
        Process("postgres", "etcd", 17, 3, "etcd --config-file /pgha/config/etcd.yaml"),
        Process(
            "postgres",
            "patroni",
            218,
            904,
            "/opt/patroni/bin/python3 -u /opt/patroni/bin/patroni /pgha/config/patroni.yaml",
        ),
        Process("postgres", "postgres", 219, 0, "postgres: checkpointer"),
        Process("postgres", "bash", 220, 1, "bash -c nohup etcd --config-file x"),
        Process("root", "python3", 222, 1, "/usr/bin/python3"),
    ]


async def test_resolves(lab: FakeLab, sources: FakeSources) -> None:
    node = lab.nodes["pgha1"]
    node.answers["getent"] = (
        "pgha2 192.168.50.11  STREAM pgha2\n192.168.50.11  DGRAM  \n192.168.50.11  RAW    \n"
        "etcd3 192.168.50.99  STREAM pgha3\n192.168.50.99  DGRAM  \n192.168.50.99  RAW    \netcd4 \n"
    )
    wanted = {"on": ["pgha1"], "names": ["pgha2", "etcd3", "etcd4"]}
    assert failed(await look(lab, sources, "resolves", wanted)) == (
        "etcd3 is 192.168.50.99, not 192.168.50.12; etcd4 does not resolve".replace(";", ",")
    )
    assert failed(await look(lab, sources, "resolves", on=["pgha1"], names=["pgha2"])) == ""


@pytest.mark.parametrize(
    ("answer", "params", "saw"),
    [
        ("regular file|postgres|644\n0\nname: pgha1\n", {"type": "file", "owner": "postgres", "mode": "644"}, ""),
        ("regular file|root|600\n0\nx\n", {"owner": "postgres", "mode": "700"},
         "it is owned by root; its mode is 600"),
        ("regular file|root|600\n0\nx\n", {"type": "directory"}, "it is a file"),
        ("regular file|root|600\n0\nx\n", {"contains": ["x", "y"]}, "`y` is not in it"),
        ("regular empty file|root|600\n0\n", {"type": "file", "empty": True}, ""),
        ("directory|postgres|700\n0\n", {"type": "directory", "empty": True, "mode": "0700"}, ""),
        ("directory|postgres|700\n7\n", {"empty": True}, "it holds 7 entries"),
        ("directory|postgres|700\n7\n", {"absent": True}, "/x exists"),
        ("", {"absent": True}, ""),
        ("", {"type": "file"}, "/x does not exist"),
    ],
)  # fmt: skip
async def test_path(lab: FakeLab, sources: FakeSources, answer: str, params: dict[str, Any], saw: str) -> None:
    lab.nodes["pgha1"].answers["stat -L"] = answer
    assert failed(await look(lab, sources, "path", params, on=["pgha1"], path="/x")) == saw


async def test_a_directory_is_emptied_until_patroni_has_filled_it(lab: FakeLab, sources: FakeSources) -> None:
    node, wanted = lab.nodes["pgha1"], {"on": ["pgha1"], "path": "/data"}
    assert failed(await look(lab, sources, "emptied", wanted)) == ""
    node.answers["p=/data\n"] = "directory|postgres|700\n9\n"
    assert failed(await look(lab, sources, "emptied", wanted)) == "/data exists"
    node.processes["patroni"] = "postgres"
    (seen,) = await look(lab, sources, "emptied", wanted)
    assert (seen.ok, seen.saw) == (True, "Patroni is filling /data")
    node.answers["p=/data/patroni.dynamic.json\n"] = "regular file|postgres|600\n0\n{}"
    assert failed(await look(lab, sources, "emptied", wanted)) == "/data exists"


async def test_yaml(lab: FakeLab, sources: FakeSources) -> None:
    text = "name: pgha1\nurl: http://192.168.50.10:2380\nbootstrap:\n  dcs:\n    ttl: 30\nmethods: [a, b]\n"
    lab.nodes["pgha1"].answers["stat -L"] = f"regular file|postgres|644\n0\n{text}"
    good = {"name": "{{node}}", "url": "http://{{address}}:2380", "bootstrap.dcs.ttl": 30, "methods": ["a", "b"]}
    assert failed(await look(lab, sources, "yaml", on=["pgha1"], path="/x", values=good)) == ""
    bad = {"name": "pgha2", "bootstrap.dcs.wait": 1}
    assert failed(await look(lab, sources, "yaml", on=["pgha1"], path="/x", values=bad)) == (
        "name is pgha1, bootstrap.dcs.wait is not set"
    )
    either = {"name": {"one_of": ["pgha9", "{{node}}"]}, "url": "http://{{address}}:2380"}
    (seen,) = await look(lab, sources, "yaml", on=["pgha1"], path="/x", values=either)
    assert (seen.ok, seen.wanted) == (True, "name: pgha9 or pgha1, url: http://192.168.50.10:2380")
    neither = {"name": {"one_of": ["pgha8", "pgha9"]}}
    assert failed(await look(lab, sources, "yaml", on=["pgha1"], path="/x", values=neither)) == "name is pgha1"
    lab.nodes["pgha1"].answers["stat -L"] = "regular file|postgres|644\n0\nnodes: b=2,a=1\n"
    for listed, saw in (("a=1,b=2", ""), ("a=1", "nodes is b=2,a=1"), ("a=1,b=2,c=3", "nodes is b=2,a=1")):
        assert failed(await look(lab, sources, "yaml", on=["pgha1"], path="/x", values={"nodes": listed})) == saw
    lab.nodes["pgha1"].answers["stat -L"] = "regular file|postgres|644\n0\n{"
    assert failed(await look(lab, sources, "yaml", on=["pgha1"], path="/x", values=good)) == "/x is not valid YAML"


async def test_etcd(lab: FakeLab, sources: FakeSources) -> None:
    none = "etcd is not running on pgha1; etcd is not running on pgha2; etcd is not running on pgha3"
    assert failed(await look(lab, sources, "etcd", members=5, healthy=5)) == f"{none}; {none}"
    cluster_of_three(lab, sources)
    assert failed(await look(lab, sources, "etcd", members=5, healthy=5)) == ""
    sources.sick = {"pgha4"}
    assert failed(await look(lab, sources, "etcd", members=5)) == "4 healthy; etcd on pgha4 cannot commit"
    assert failed(await look(lab, sources, "etcd", members=5, healthy=4)) == ""
    del lab.nodes["pgha5"].processes["etcd"]
    assert failed(await look(lab, sources, "etcd", members=5)) == (
        "3 healthy; etcd on pgha4 cannot commit; etcd is not running on pgha5"
    )
    sources.sick = set()
    assert failed(await look(lab, sources, "etcd", members=3, healthy=3)) == "5 started; etcd is not running on pgha5"


@pytest.mark.parametrize(
    ("leader", "second", "terms", "saw"),
    [
        ("nobody", "", {}, f"no leader, term {TERM}"),
        ("pgha2", "pgha4", {}, f"pgha2 and pgha4 lead, term {TERM}"),
        ("pgha2", "", {"pgha3": TERM + 4}, f"pgha2 leads, terms {TERM}, {TERM + 4}"),
    ],
)
async def test_etcd_has_one_leader_and_one_term(
    lab: FakeLab, sources: FakeSources, leader: str, second: str, terms: dict[str, int], saw: str
) -> None:
    cluster_of_three(lab, sources)
    sources.etcd_leader, sources.also_leads, sources.terms = leader, second, terms
    assert failed(await look(lab, sources, "etcd", members=5)) == saw


async def test_a_member_of_another_cluster_counts_for_nothing(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.clusters["pgha2"] = "c9"
    sources.etcd_leader, sources.also_leads = "pgha2", "pgha3"
    assert failed(await look(lab, sources, "etcd", healthy=4)) == ""
    assert failed(await look(lab, sources, "etcd", healthy=5)) == (
        "4 healthy; etcd on pgha2 belongs to another cluster"
    )
    sources.also_leads = ""
    assert failed(await look(lab, sources, "etcd")) == f"no leader, term {TERM}"
    sources.waiting = {"pgha5"}
    words = "3 healthy; etcd on pgha5 waits for a majority of the members"
    assert words in failed(await look(lab, sources, "etcd", healthy=5))


async def test_etcd_without_any_count_wants_one_leader_of_whoever_answers(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    del lab.nodes["pgha5"].processes["etcd"], lab.nodes["pgha4"].processes["etcd"]
    (seen,) = await look(lab, sources, "etcd")
    assert (seen.ok, seen.saw) == (True, f"{sources.etcd_leader} leads, term {TERM}")


async def test_dcs_key(lab: FakeLab, sources: FakeSources) -> None:
    assert failed(await look(lab, sources, "dcs_key", key="leader")) == "etcd is not running on any node"
    cluster_of_three(lab, sources)
    assert failed(await look(lab, sources, "dcs_key", key="leader", equals="pgha1")) == ""
    assert failed(await look(lab, sources, "dcs_key", key="leader", equals="pgha2")) == "pgha1"
    assert failed(await look(lab, sources, "dcs_key", key="failover")) == "no such key"
    assert failed(await look(lab, sources, "dcs_key", key="failover", present=False)) == ""


async def test_a_long_value_of_a_key_is_shortened(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    for value, saw in (("x" * 60, "x" * 60), ("x" * 61, "x" * 57 + "...")):
        sources.dcs["leader"] = value
        (seen,) = await look(lab, sources, "dcs_key", key="leader")
        assert (seen.ok, seen.saw, seen.wanted) == (True, saw, "present")
    (seen,) = await look(lab, sources, "dcs_key", key="leader", present=False)
    assert (seen.check, seen.wanted) == ("the DCS key leader", "absent")
    (seen,) = await look(lab, sources, "dcs_key", key="leader", equals="pgha1")
    assert seen.wanted == "= pgha1"


async def test_patroni(lab: FakeLab, sources: FakeSources) -> None:
    assert "Patroni is not running on pgha1" in failed(await look(lab, sources, "patroni", on=["pgha1"], role="leader"))
    cluster_of_three(lab, sources)
    assert failed(await look(lab, sources, "patroni", on="leader", role="leader", state="running")) == ""
    assert failed(await look(lab, sources, "patroni", on="replicas", role="replica", state="streaming")) == ""
    assert failed(await look(lab, sources, "patroni", on=["pgha2"], role="replica", state="running")) == ""
    assert failed(await look(lab, sources, "patroni", on=["pgha2"], role="leader")) == "pgha2 is replica, streaming"


async def test_cluster(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    assert failed(await look(lab, sources, "cluster", streaming=2, max_lag=0)) == ""
    written = sources.patronis["pgha1"]["xlog"]["location"]
    sources.patronis["pgha3"]["xlog"] = {"replayed_location": written - 100}
    assert failed(await look(lab, sources, "cluster", streaming=2, max_lag=0)) == (
        "pgha2 lags 0 bytes, pgha3 lags 100 bytes"
    )
    del sources.patronis["pgha3"]["xlog"]
    seen = await look(lab, sources, "cluster", streaming=2, max_lag=1000)
    assert failed(seen) == "pgha2 lags 0 bytes, pgha3's lag is unknown"
    sources.patronis["pgha3"]["timeline"] = 2
    assert "timelines 1, 2" in failed(await look(lab, sources, "cluster", streaming=2))
    del sources.patronis["pgha3"]["replication_state"]
    assert "pgha3 is replica, running" in failed(await look(lab, sources, "cluster", streaming=2))


async def test_unless_it_is_said_every_other_data_node_has_to_stream(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    (seen,) = await look(lab, sources, "cluster")
    assert (seen.ok, seen.wanted) == (True, "one leader, 2 streaming, one timeline")
    del sources.patronis["pgha3"]["replication_state"]
    assert failed(await look(lab, sources, "cluster")).endswith("pgha3 is replica, running")


async def test_a_fault_of_a_check_is_nothing_that_was_seen(
    lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(lab, "image_versions", breaks)
    (seen,) = await look(lab, sources, "image")
    assert (seen.ok, seen.known, seen.check) == (False, False, "image")
    assert seen.saw == "could not be looked at: a fault"


async def test_a_leader_without_a_position_makes_the_lag_unknown(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    for xlog in ({}, {"location": None}, {"location": 0}):
        sources.patronis["pgha1"]["xlog"] = xlog
        seen = await look(lab, sources, "cluster", streaming=2, max_lag=1_000_000)
        assert failed(seen) == "pgha2's lag is unknown, pgha3's lag is unknown"


async def test_two_leaders_are_no_cluster_that_streams(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    sources.patronis["pgha3"] = {"state": "running", "role": "primary", "timeline": 1, "xlog": {"location": 1000}}
    seen = await look(lab, sources, "cluster", streaming=1, max_lag=0)
    assert [result.ok for result in seen] == [False, False]
    assert seen[0].saw == "pgha1 is leader, running; pgha2 is replica, streaming; pgha3 is leader, running"
    assert seen[1].saw == "pgha2's lag is unknown"


@pytest.mark.parametrize(
    ("truth", "holds"),
    [
        ({"role": "primary", "state": "running"}, True),
        ({"role": "replica", "state": "running", "replication_state": "streaming"}, True),
        ({"role": "replica", "state": "running"}, False),
        ({"role": "replica", "state": "running", "replication_state": "in archive recovery"}, False),
        ({"role": "primary", "state": "starting"}, False),
        ({"state": "stopped"}, False),
    ],
)
async def test_a_member_leads_or_streams(
    lab: FakeLab, sources: FakeSources, truth: dict[str, Any], holds: bool
) -> None:
    cluster_of_three(lab, sources)
    sources.patronis["pgha2"] = truth
    (seen,) = await look(lab, sources, "patroni", on=["pgha2"], role="member")
    assert seen.ok is holds
    assert seen.wanted == "leads, or streams as a replica"


async def test_config(lab: FakeLab, sources: FakeSources) -> None:
    cluster_of_three(lab, sources)
    good = {"ttl": 30, "postgresql.use_slots": True, "postgresql.pg_ident": None}
    assert failed(await look(lab, sources, "config", values=good)) == ""
    assert failed(await look(lab, sources, "config", values={"ttl": 31})) == "ttl is 30"
    rules = ["local all all peer", "host all bubba all md5", "host all postgres all md5"]
    sources.dcs["config"] = json.dumps({"postgresql": {"pg_hba": rules}})
    for wanted, held in ((rules, True), (rules[::2], True), (rules[::-1], False), (["host all all all md5"], False)):
        said = failed(await look(lab, sources, "config", values={"postgresql.pg_hba": wanted}))
        assert (said == "") == held
    del sources.dcs["config"]
    assert failed(await look(lab, sources, "config", values=good)) == "the DCS holds no dynamic configuration yet"


async def test_output(lab: FakeLab, sources: FakeSources) -> None:
    assert "has not run yet" in failed(await look(lab, sources, "output", contains=["x"]))
    text = "\x1b[1mone\x1b[0m two\r\nthree 42\n"
    assert failed(await look(lab, sources, "output", output=text, contains=["one two"], matches=r"^three \d+$")) == ""
    assert failed(await look(lab, sources, "output", output=text, contains=["four"])) == "`four` was not printed"
    (seen,) = await look(lab, sources, "output", output=text, contains=["one"], matches="^t[w]o", words="a line of two")
    assert (seen.ok, seen.saw) == (False, "it did not print a line of two")
    assert seen.wanted == "prints `one`, a line of two"
