"""A lab that was asked for md5 stores its passwords so, and lets clients in with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pghalab.lab.local import LocalLab
from pghalab.lab.ssh.node import SshNode
from tests.live.conftest import MakeSettings, told

START_ETCD = "/etcdSetup.sh -y && nohup etcd --config-file /pgha/config/etcd.yaml > /tmp/etcd.log 2>&1 &"
START_PATRONI = (
    "cp -p /createRoles.sh /pgha/config && rm -rf /pgdata/17/data && /patroniSetup.sh && "
    "nohup patroni /pgha/config/patroni.yaml > /tmp/patroni.log 2>&1 &"
)


@pytest.fixture
async def leader(make_settings: MakeSettings) -> AsyncIterator[SshNode]:
    """The only node of a lab of one, leading a cluster of one."""
    lab = LocalLab(replace(await make_settings(1), auth_method="md5"))
    await lab.open()
    await told(lab.up())
    (node,) = lab.nodes.values()
    for start, condition in (
        (START_ETCD, "etcdctl endpoint health"),
        (START_PATRONI, "curl -sf localhost:8008/primary"),
    ):
        await node.run(start, user="postgres")
        async with asyncio.timeout(120):
            while (await node.run(condition, user="postgres")).exit_status:
                await asyncio.sleep(0.3)
    yield node
    await lab.close()


async def test_passwords_are_stored_and_asked_for_as_md5(leader: SshNode) -> None:
    written = (await leader.run("cat /pgha/config/patroni.yaml")).stdout
    assert "password_encryption: md5" in written
    assert "scram-sha-256" not in written

    async def ask(query: str) -> list[str]:
        # Over TCP and with the password in .pgpass, so that it is a login that pg_hba asks a password of.
        done = await leader.run(f'psql -h localhost -U postgres -Atc "{query}"', user="postgres")
        assert done.exit_status == 0, done.stderr
        return done.stdout.split()

    assert await ask("show password_encryption") == ["md5"]
    assert set(await ask("select left(rolpassword, 3) from pg_authid where rolpassword is not null")) == {"md5"}
    rules = set(await ask("select auth_method from pg_hba_file_rules where type like 'host%'"))
    assert "md5" in rules and "scram-sha-256" not in rules
    refused = await leader.run(
        'PGPASSWORD=wrong PGPASSFILE=/dev/null psql -h localhost -U postgres -c "select 1"', user="postgres"
    )
    assert refused.exit_status == 2
    assert "password authentication failed" in refused.stderr
