"""A server's own role over a kept connection, and that nothing of the person's own environment gets in between."""

import os
import subprocess
import sys

import pytest

from pghalab.cluster import postgres
from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.lab.types import LabError
from tests.fake_lab.lab import FakeLab, lab_of
from tests.fake_lab.node import FakeNode
from tests.fake_lab.pgserver import pg_server
from tests.fake_lab.servers import closed_port, closing_server, port_of, silent_server


def _lab(port: int) -> FakeLab:
    return lab_of(FakeNode("pgha1", ports={5432: port}))


async def test_the_role_is_asked_over_one_kept_connection() -> None:
    async with pg_server() as server:
        lab = _lab(server.port)
        assert await postgres.role(lab, "pgha1") == postgres.Role(True, "7512")
        server.in_recovery = True
        for _ in range(3):
            assert await postgres.role(lab, "pgha1") == postgres.Role(False, "7512")
        assert len(server.startups) == 1
        assert server.queries[1:] == ["select pg_is_in_recovery()"] * 3
        server.hang_up()
        assert not (await postgres.role(lab, "pgha1")).writes
        assert len(server.startups) == 2
        await postgres.forget(lab.nodes["pgha1"])


async def test_a_server_that_lets_nobody_in_is_no_server_that_is_stopped() -> None:
    async with pg_server() as server:
        server.refusal = 'no pg_hba.conf entry for host "127.0.0.1"'
        with pytest.raises(postgres.LoginRefused, match="no pg_hba"):
            await postgres.role(_lab(server.port), "pgha1")
        result = await postgres.login(_lab(server.port), via="pgha1", to="pgha1", user="a", database="b", password="c")
        assert (result.accepted, result.message) == (False, 'FATAL:  no pg_hba.conf entry for host "127.0.0.1"')
    with pytest.raises(NotRunning):
        await postgres.role(_lab(closed_port()), "pgha1")
    with silent_server() as port, pytest.raises(NoAnswer, match="does not answer within"):
        await postgres.role(_lab(port), "pgha1", timeout=0.3)


async def test_who_asks_is_postgres_of_the_lab() -> None:
    async with pg_server() as server:
        lab = _lab(server.port)
        await postgres.role(lab, "pgha1")
        await postgres.query(lab, "pgha1", "select pg_is_in_recovery()")
        await postgres.query(lab, "pgha1", "select pg_is_in_recovery()", database="foobar")
        login = await postgres.login(lab, via="pgha1", to="pgha1", user="a", database="b", password="c")
        assert login == postgres.LoginResult(True, "")
        asked = [(one["user"], one["database"], one["application_name"]) for one in server.startups]
        assert asked == [
            ("postgres", "postgres", "pghalab"),
            ("postgres", "postgres", "pghalab"),
            ("postgres", "foobar", "pghalab"),
            ("a", "b", "pghalab"),
        ]
        await postgres.forget(lab.nodes["pgha1"])


async def test_a_silence_names_the_node_and_says_whether_it_is_in_reach() -> None:
    with silent_server() as port:
        lab = _lab(port)
        with pytest.raises(NoAnswer, match=r"^pgha1: PostgreSQL does not answer within 0\.3 s$") as told:
            await postgres.role(lab, "pgha1", timeout=0.3)
        assert told.value.node == "pgha1"
        with pytest.raises(NoAnswer, match=r"does not answer within 0\.2 s") as told:
            await postgres.probe(lab.nodes["pgha1"], timeout=0.2)
        assert told.value.node == "pgha1"
    node = lab.nodes["pgha1"]
    node.link = "down"
    node.link_reason = "its container is paused."
    with pytest.raises(OutOfReach, match=r"its container is paused\.") as gone:
        await postgres.role(lab, "pgha1")
    assert gone.value.node == "pgha1"


async def test_a_server_that_ends_a_connection_as_it_is_asked_gives_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with pg_server() as server:
        lab = _lab(server.port)

        def hangs_up(query: str) -> bytes:
            server.hang_up()
            return b""

        monkeypatch.setattr(server, "_answer", hangs_up)
        with pytest.raises(NoAnswer, match=r"^pgha1: PostgreSQL ended the connection: .+") as told:
            await postgres.role(lab, "pgha1")
        assert told.value.node == "pgha1"
        with pytest.raises(LabError, match=r"^pgha1: PostgreSQL: .+"):
            await postgres.query(lab, "pgha1", "select 1")


async def test_a_question_that_is_taken_and_not_answered_is_given_up_with_its_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pg_server() as server:
        lab = _lab(server.port)
        assert (await postgres.role(lab, "pgha1")).writes
        with monkeypatch.context() as silence:
            silence.setattr(server, "_answer", lambda query: b"")
            with pytest.raises(NoAnswer, match=r"PostgreSQL did not answer the query within 0\.2 s") as told:
                await postgres.query(lab, "pgha1", "select 1", timeout=0.2)
            assert told.value.node == "pgha1"
            # Over the connection that is kept, and then over a new one.
            for _ in range(2):
                with pytest.raises(NoAnswer, match=r"PostgreSQL does not answer within 0\.2 s") as told:
                    await postgres.role(lab, "pgha1", timeout=0.2)
                assert told.value.node == "pgha1"
        assert (await postgres.role(lab, "pgha1")).writes, "and what was given up holds nothing up"
        await postgres.forget(lab.nodes["pgha1"])


async def test_a_login_goes_to_the_other_node_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(FakeNode("pgha1"), FakeNode("pgha2"))
    asked: list[tuple[int, str]] = []
    leads_to = closed_port()

    async def tunnel(port: int, host: str = "localhost") -> int:
        asked.append((port, host))
        return leads_to

    monkeypatch.setattr(lab.nodes["pgha1"], "tunnel", tunnel)
    with pytest.raises(NotRunning, match="PostgreSQL does not run on pgha2"):
        await postgres.login(lab, via="pgha1", to="pgha2", user="a", database="b", password="c")
    assert asked == [(5432, "pgha2")]
    hangs_up = await closing_server()
    leads_to = port_of(hangs_up)
    lab.nodes["pgha1"].failures[5432] = "No route to host"
    with pytest.raises(LabError) as told:
        await postgres.login(lab, via="pgha1", to="pgha2", user="a", database="b", password="c")
    assert (told.value.what, told.value.node) == ("PostgreSQL on pgha2 gave no answer: No route to host", "pgha2")
    hangs_up.close()


async def test_a_refusal_keeps_the_servers_words() -> None:
    async with pg_server() as server:
        server.refusal = "the database system is starting up"
        with pytest.raises(postgres.LoginRefused) as told:
            await postgres.query(_lab(server.port), "pgha1", "select 1")
        error = told.value
        assert (error.what, error.node) == ("PostgreSQL: FATAL:  the database system is starting up", "pgha1")


HOSTILE = {
    "PGSERVICE": "nowhere", "PGSERVICEFILE": "/nowhere", "PGSYSCONFDIR": "/nowhere", "PGHOST": "192.0.2.1",
    "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "nothing", "PGPASSWORD": "wrong",
    "PGPASSFILE": "/nowhere", "PGOPTIONS": "-c search_path=nowhere", "PGAPPNAME": "another", "PGTZ": "Nowhere/Else",
    "PGDATESTYLE": "nonsense", "PGGEQO": "perhaps", "PGCLIENTENCODING": "nonsense", "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct", "PGSSLROOTCERT": "/nowhere", "PGREQUIREAUTH": "gss", "PGCHANNELBINDING": "require",
    "PGGSSENCMODE": "require", "PGTARGETSESSIONATTRS": "standby", "PGLOADBALANCEHOSTS": "nonsense",
    "PGMINPROTOCOLVERSION": "3.2", "PGMAXPROTOCOLVERSION": "3.2", "PGCONNECT_TIMEOUT": "nonsense",
    "PGREQUIREPEER": "nobody", "PGREQUIRESSL": "1", "PSYCOPG_IMPL": "nonsense",
    **{name: "http://127.0.0.1:9" for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "grpc_proxy")},
    "no_proxy": "", "GRPC_VERBOSITY": "debug", "GRPC_TRACE": "all", "GRPC_DNS_RESOLVER": "nonsense",
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "upb", "PYTHONWARNINGS": "error",
    "REQUESTS_CA_BUNDLE": "/nowhere", "SSL_CERT_FILE": "/nowhere", "NETRC": "/nowhere", "LC_ALL": "nonsense",
}  # fmt: skip

LOOK = """
import asyncio, json, os
from pghalab.cluster import etcd, patroni, postgres, rest
from pghalab.cluster.rest import NotRunning
from tests.fake_lab.lab import lab_of
from tests.fake_lab.node import FakeNode
from tests.fake_lab.servers import closed_port, http_server
from tests.fake_lab.pgserver import pg_server

async def main():
    async with pg_server() as server:
        with http_server({"/patroni": (200, b'{"role": "replica"}')}) as port:
            node = FakeNode("pgha1", ports={8008: port, 5432: server.port, 2379: closed_port()})
            lab = lab_of(node)
            truth = await patroni.status(node)
            role = await postgres.role(lab, "pgha1")
            await postgres.query(lab, "pgha1", "select pg_is_in_recovery()")
            await postgres.forget(node)
            rest.forget(node)
            try:
                await etcd.get_prefix(node, "/pgha/")
            except NotRunning as error:
                refused = str(error)
    mine = os.environ["PGHALAB_MARK"]
    print(json.dumps([truth["role"], role.writes, role.system_id, refused, server.startups, mine]))

asyncio.run(main())
"""


def test_the_persons_own_environment_changes_nothing_of_what_is_seen() -> None:
    told = []
    for hostile in ({}, HOSTILE):
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRPC"))}
        done = subprocess.run(
            [sys.executable, "-c", LOOK],
            capture_output=True,
            text=True,
            timeout=60,
            env={**env, **hostile, "PGHALAB_MARK": "kept"},
        )
        assert (done.returncode, done.stderr) == (0, "")
        told.append(done.stdout)
    assert told[0] == told[1]
    assert '"kept"' in told[1] and '"user": "postgres"' in told[1] and "TimeZone" not in told[1]
