"""How the common mistakes are made on a real lab, and undone."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from tests.bench.cluster import START_ETCD, START_PATRONI

CTL = "patronictl -c /pgha/config/patroni.yaml"
SCOPE = "pgha_patroni_cluster"
LOG = "/var/log/etcd/etcd-standalone.log"
END_ETCD = "pkill -x etcd; while pgrep -x etcd; do sleep 0.1; done; true"
END_PATRONI = "pkill -f [b]in/patroni; while pgrep -f [b]in/patroni || pgrep -x postgres; do sleep 0.1; done; true"
LATER = "true"
"""Undoes nothing."""
AS_POSTGRES = "chown -R postgres:postgres /pgha/data/etcd /var/log/etcd"


def moved(path: str) -> tuple[str, str]:
    """Commands that take a file away and bring it back."""
    return f"mv {path} {path}.away", f"mv {path}.away {path}"


def edited(path: str, script: str) -> tuple[str, str]:
    """Commands that change a file and change it back."""
    return f"cp -p {path} {path}.kept && sed -i {shlex.quote(script)} {path}", f"mv {path}.kept {path}"


def without(path: str, words: str) -> str:
    """A command that takes lines out of a file, which may be one that is mounted."""
    return f"sed '/{words}/d' {path} > /tmp/lines && cat /tmp/lines > {path}"


@dataclass(frozen=True, slots=True)
class Made:
    """A mistake as it is made on the third node: shell commands as root, or as postgres behind `$ `."""

    name: str
    words: str
    """Part of what is said."""
    make: str
    undo: str
    """`LATER` where the next mistake is made from this one."""
    other: tuple[str, ...] = ()
    """Mistakes that it is not to be taken for."""


ETCD_YAML, VARS, YAML = "/pgha/config/etcd.yaml", "/pgha/config/patroniVars", "/pgha/config/patroni.yaml"
HOSTS, PROFILE = "/etc/hosts", "/var/lib/postgresql/.profile"
ROLES = "/pgha/config/createRoles.sh"
FILES = (
    Made("folders-missing", "there is no /var/log/patroni", *moved("/var/log/patroni")),
    Made("folders-owner", "/var/log/patroni to root", "chown root /var/log/patroni", "chown postgres /var/log/patroni"),
    Made("folders-mode", "may look into /var/log/patroni (755)", "chmod 755 /var/log/patroni",
         "chmod 700 /var/log/patroni"),
    Made("hosts-other", "{first} is 192.0.2.1", "echo '192.0.2.1 {first}' >> /etc/hosts", without(HOSTS, "192.0.2.1")),
    Made("hosts-some", "The lines in /etc/hosts stand on", "echo '{address} etcd3' >> /etc/hosts",
         without(HOSTS, "etcd3")),
    Made("endpoints-missing", "does not set ENDPOINTS", *moved(PROFILE)),
    Made("endpoints-port", "names port 2380", *edited(PROFILE, "s/2379/2380/g")),
    Made("etcd-plain-only", "the -y is missing", f"touch /pgha/config/etcd.conf; {moved(ETCD_YAML)[0]}",
         f"rm /pgha/config/etcd.conf; {moved(ETCD_YAML)[1]}"),
    Made("etcd-yaml-missing", "/etcdSetup.sh has not run there", *moved(ETCD_YAML)),
    Made("etcd-yaml-broken", "line 2: a tab", *edited(ETCD_YAML, r"2s/^/\t/")),
    Made("etcd-yaml-short", "has 1 of 3", *edited(ETCD_YAML, r's/^\(initial-cluster: "[^,]*\),.*"/\1"/')),
    Made("etcd-yaml-other", "has the file of {first}", *edited(ETCD_YAML, "s/^name: .*/name: {first}/")),
    Made("etcd-yaml-owner", "belongs to root", f"chown root {ETCD_YAML}", f"chown postgres {ETCD_YAML}"),
    Made("vars-missing", "patroniVars is missing", *moved(VARS)),
    Made("vars-other", "is that of {first}", *edited(VARS, 's/^NODE_NAME=.*/NODE_NAME="{first}"/')),
    Made("vars-short", "1 etcd nodes of 3", *edited(VARS, 's/^ETCD_NODES=.*/ETCD_NODES="a:2379"/')),
    Made("patroni-yaml-missing", "patroni.yaml is missing", *moved(YAML)),
    Made("patroni-yaml-other", "is that of {first}", *edited(YAML, "s/^name: .*/name: {first}/")),
    Made("patroni-yaml-owner", "belongs to root", f"chown root {YAML}", f"chown postgres {YAML}"),
    Made("roles-missing", "createRoles.sh is missing", *moved(ROLES)),
    Made("roles-mode", "has the mode 644", f"chmod 644 {ROLES}", f"chmod 755 {ROLES}"),
)  # fmt: skip
ETCD = (
    Made("etcd-twice", "was started twice", f"$ {START_ETCD}", f"{END_ETCD}; $ {START_ETCD}"),
    Made("etcd-ended", "has run on", END_ETCD, f"$ {START_ETCD}"),
    Made("etcd-root", "etcd runs as root", f"{END_ETCD}; {START_ETCD}",
         f"{END_ETCD}; {AS_POSTGRES}; $ {START_ETCD}"),
    Made("etcd-log-owner", "may not write etcd's log", f"{END_ETCD}; chown root {LOG}",
         f"{AS_POSTGRES}; $ {START_ETCD}"),
    Made("etcd-member-owner", "member belongs to root", f"{END_ETCD}; chown root /pgha/data/etcd/member",
         f"{AS_POSTGRES}; $ {START_ETCD}"),
    Made("etcd-bootstrapped", "has no data", f"{END_ETCD}; {moved('/pgha/data/etcd/member')[0]}; $ {START_ETCD}",
         f"{END_ETCD}; rm -rf /pgha/data/etcd/member; {moved('/pgha/data/etcd/member')[1]}; $ {START_ETCD}"),
    # Right after a start etcd refuses to change the list of its members: it is not yet sure of them.
    Made("etcd-removed", "was removed from the cluster",
         "$ until etcdctl --endpoints={first}:2379 member remove"
         " $(etcdctl member list | awk -F', ' '$3 == \"{third}\" { print $1 }'); do sleep 0.3; done;"
         " while pgrep -x etcd; do sleep 0.1; done; true",
         "rm -rf /pgha/data/etcd/member; sed -i 's/^initial-cluster-state: .*/initial-cluster-state: existing/' "
         f"{ETCD_YAML}; $ until etcdctl --endpoints={{first}}:2379 member add {{third}}"
         f" --peer-urls=http://{{address}}:2380; do sleep 0.3; done; {START_ETCD}"),
    Made("etcd-stranger", "in a cluster of its own",
         f"{END_ETCD}; $ nohup etcd --name stranger --data-dir /tmp/stranger --listen-peer-urls http://localhost:2390"
         " --listen-client-urls http://{address}:2379,http://localhost:2379 --advertise-client-urls"
         " http://{address}:2379 --initial-cluster stranger=http://localhost:2390 --initial-advertise-peer-urls"
         " http://localhost:2390 > /dev/null 2>&1 &",
         f"{END_ETCD}; rm -rf /tmp/stranger; $ {START_ETCD}"),
)  # fmt: skip
FORGET = "etcdctl del --prefix /pgha/pgha_patroni_cluster/"
# Before there is a cluster: the node has been given its files, and the data directory that it is made with.
FIRST = (
    Made("patroni-no-password", "cannot log in to PostgreSQL",
         f"$ cp -p /createRoles.sh {ROLES}; /patroniSetup.sh && {{ {START_PATRONI} }}", LATER,
         other=("replicator-password", "superuser-password")),
    Made("patroni-given-up", "`initialize` key stands", END_PATRONI, f"$ {FORGET}; rm -rf /pgdata/17/data",
         other=("patroni-led-last",)),
    Made("patroni-took-over", "took over an unused directory on {third}",
         f"$ initdb -A trust -D /pgdata/17/data; {START_PATRONI}",
         f"{END_PATRONI}; $ {FORGET}; rm -rf /pgdata/17/data"),
    Made("patroni-given-up", "Patroni gave it up on {third}", f"{moved(ROLES)[0]}; $ {START_PATRONI}",
         f"{moved(ROLES)[1]}; $ {START_PATRONI}", other=("patroni-led-last",)),
)  # fmt: skip
BUBBA = "psql -X -q -h {first} -U bubba -d postgres"
"""The one superuser whom the rules let in from another node."""
PATRONI = (
    Made("patroni-root", "was started as root", f"{END_PATRONI}; {START_PATRONI}",
         f"{END_PATRONI}; chown -R postgres:postgres /var/log/patroni /pgdata; $ {START_PATRONI}"),
    Made("data-unprepared", "a database of its own",
         f"{END_PATRONI}; mv /pgdata/17/data /pgdata/17/away; $ /usr/pgsql-17/bin/initdb -D /pgdata/17/data",
         LATER),
    Made("patroni-other-system", "belongs to another cluster", f"$ {START_PATRONI}",
         f"{END_PATRONI}; rm -rf /pgdata/17/data; mv /pgdata/17/away /pgdata/17/data; $ {START_PATRONI}"),
    Made("replicator-password", "refused the password of replicator",
         f"{END_PATRONI}; {edited(YAML, '/username: replicator/{n;s/password: .*/password: wrong/}')[0]};"
         f" $ {START_PATRONI}",
         f"{END_PATRONI}; {edited(YAML, '')[1]}; rm -f /var/lib/postgresql/patroni.pgpass; $ {START_PATRONI}"),
    # Its slot would keep what it needs, and the leader's Patroni may make the slot again meanwhile.
    Made("replica-behind", "no longer has the WAL",
         f"{END_PATRONI}; $ {BUBBA} -c 'alter system set wal_keep_size = 0' -c 'select pg_reload_conf()';"
         f" last=$({BUBBA} -Atc 'select pg_walfile_name(pg_current_wal_lsn())'); until {BUBBA} -c \"select"
         " pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{third}' and not active\""
         " -c \"select pg_logical_emit_message(false, '', ''), pg_switch_wal()\" -c checkpoint;"
         # A base backup leaves a note of its own among the segments.
         f" {BUBBA} -Atc \"select count(*) from pg_ls_waldir() where name <= '$last' and name not like '%.backup'\""
         f" | grep -qx 0; do sleep 0.2; done; {START_PATRONI}",
         f"$ {BUBBA} -c 'alter system reset wal_keep_size' -c 'select pg_reload_conf()';"
         f" {CTL} reinit --force --wait {SCOPE} {{third}}"),
    Made("paused", "in maintenance mode", f"$ {CTL} pause --wait", f"$ {CTL} resume --wait"),
    Made("hba-top-level", "beside postgresql", f"$ {CTL} edit-config --force -q -s pg_hba=x",
         f"$ {CTL} edit-config --force -q -s pg_hba=null"),
)  # fmt: skip
BY_HAND = {
    "nodelist-lost", "endpoints-old-shell", "node-stopped", "superuser-password", "replicator-rule",
    "hba-no-localhost", "hba-old", "hba-error", "etcd-waits", "patroni-no-majority", "nobody-writes",
    "patroni-led-last", "patroni-ended",
}  # fmt: skip
"""What else the test makes of a cluster, by a function for each."""
FIRST_BY_HAND = {"writer-missing", "writer-elsewhere", "etcd-elsewhere"}
"""What else it makes before there is one."""
ON_CLUSTER = frozenset(made.name for made in (*FILES, *ETCD, *PATRONI)) | BY_HAND
BEFORE = frozenset(made.name for made in FIRST) | FIRST_BY_HAND
