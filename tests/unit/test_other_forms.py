"""The same facts in another form: what etcdctl prints by `-w` makes a step done as well as the form of its card."""

from __future__ import annotations

import json

import pytest

from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts
from pghalab.course.checks.output import output
from pghalab.course.model import Course
from tests.fake_lab.lab import FakeLab
from tests.shipped import shipped_course

IDS = {
    "pgha4": (13, "29111f285fc78706"),
    "pgha2": (11, "4ec2b2668990565b"),
    "pgha5": (14, "ab6c7f1736bd6eb0"),
    "pgha1": (10, "c96171b99f7cfa68"),
    "pgha3": (12, "cebc84bd6d4d9d4b"),
}
"""The members in the order in which etcdctl lists them, with the end of their address."""
FORMS = ["simple", "table", "json", "json through jq", "fields"]


def urls(name: str, port: int) -> str:
    return f"http://192.168.50.{IDS[name][0]}:{port}"


def listed(form: str, *, unstarted: str = "", clientless: tuple[str, ...] = ()) -> str:
    """`etcdctl -w FORM member list` as etcd 3.5.16 prints it; who has not started has neither name nor client URL."""
    rows: list[tuple[str, ...]] = []
    for name, (_, number) in IDS.items():
        there, client = name != unstarted, name not in (unstarted, *clientless)
        called, state = (name, "started") if there else ("", "unstarted")
        rows.append((number, state, called, urls(name, 2380), urls(name, 2379) if client else "", "false"))
    if form == "simple":
        return "".join(f"{', '.join(row)}\n" for row in rows)
    if form == "table":
        return in_table(("ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"), *rows)
    if form == "fields":
        above = '"ClusterID" : 9420606944040194757\n"MemberID" : 14511004516423105128\n"Revision" : 0\n"RaftTerm" : 3\n'
        return above + "".join(
            f'"ID" : {int(number, 16)}\n"Name" : "{called}"\n"PeerURL" : "{peer}"\n'
            + (f'"ClientURL" : "{client}"\n' if client else "")
            + '"IsLearner" : false\n\n'
            for number, _, called, peer, client, _ in rows
        )
    members = [
        {"ID": int(number, 16)}
        | ({"name": called} if called else {})
        | {"peerURLs": [peer]}
        | ({"clientURLs": [client]} if client else {})
        for number, _, called, peer, client, _ in rows
    ]
    header = {"cluster_id": 9420606944040194757, "member_id": 14511004516423105128, "raft_term": 3}
    return in_json({"header": header, "members": members}, form)


def status(form: str, port: int, names: tuple[str, ...] = tuple(IDS)) -> str:
    """`etcdctl -w FORM endpoint status` of some members."""
    rows = [
        (f"{name}:{port}", IDS[name][1], "3.5.16", "20 kB", "false", "false", "2", "13", "13", "") for name in names
    ]
    if form == "simple":
        return "".join(f"{', '.join(row)}\n" for row in rows)
    if form == "table":
        head = ("ENDPOINT", "ID", "VERSION", "DB SIZE", "IS LEADER", "IS LEARNER", "RAFT TERM", "RAFT INDEX",
                "RAFT APPLIED INDEX", "ERRORS")  # fmt: skip
        return in_table(head, *rows)
    if form == "fields":
        return "".join(f'"MemberID" : {int(row[1], 16)}\n"RaftTerm" : 2\n"Endpoint" : "{row[0]}"\n\n' for row in rows)
    found = [
        {"Endpoint": row[0], "Status": {"header": {"member_id": int(row[1], 16)}, "version": "3.5.16", "raftTerm": 2}}
        for row in rows
    ]
    return in_json(found, form)


def health(form: str, port: int) -> str:
    """`etcdctl -w FORM endpoint health`: another question."""
    if form == "json":
        return in_json([{"endpoint": f"{name}:{port}", "health": True, "took": "5.8ms"} for name in IDS], form)
    if form == "table":
        return "".join(f"| {name}:{port} |   true | 5.779484ms |       |\n" for name in IDS)
    return "".join(f"{name}:{port} is healthy: successfully committed proposal: took = 5.8ms\n" for name in IDS)


def in_table(*rows: tuple[str, ...]) -> str:
    """Without the frame and the blanks that make it even."""
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def in_json(value: object, form: str) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n" if form == "json" else json.dumps(value, indent=2) + "\n"


async def accepts(lab: FakeLab, course: Course, step: str, printed: str) -> bool:
    """Whether this output is what the step asks for."""
    facts = Facts(lab)
    (spec,) = [spec for spec in course.step(step).checks if spec.name == "output"]
    try:
        (result,) = await output(Context(facts, output=printed), spec.params)
        return result.ok
    finally:
        await facts.close()


@pytest.fixture(scope="module")
def course() -> Course:
    return shipped_course()


@pytest.mark.parametrize("form", FORMS)
async def test_a_member_list_counts_in_every_form(lab: FakeLab, course: Course, form: str) -> None:
    assert await accepts(lab, course, "etcd-member-list", listed(form))
    assert not await accepts(lab, course, "etcd-member-list", listed(form, unstarted="pgha4"))
    assert await accepts(lab, course, "etcd-majority", listed(form, clientless=("pgha4", "pgha5")))
    assert not await accepts(lab, course, "etcd-majority", listed(form, unstarted="pgha3"))
    assert not await accepts(lab, course, "etcd-majority", listed(form, unstarted="pgha1"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("step", "port"), [("etcd-status", 2379), ("etcd-status-2380", 2380)])
async def test_a_status_counts_in_every_form_and_health_in_none(
    lab: FakeLab, course: Course, step: str, port: int, form: str
) -> None:
    assert await accepts(lab, course, step, status(form, port))
    assert not await accepts(lab, course, step, status(form, port, ("pgha1", "pgha2", "pgha3", "pgha4")))
    assert not await accepts(lab, course, step, health(form, port))
