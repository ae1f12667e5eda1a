"""The course as the plain shell script that an engineer would write: docker and ssh, one command after another.

It runs the commands of the lessons, read from the same files, and waits on the conditions that their checks name.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from pghalab.course.checks.services import STAYS
from pghalab.course.kinds import EVERY_NODE, Action, Edit
from pghalab.course.localise import Names
from pghalab.course.model import CheckSpec, Course, Step

HEAD = r"""#!/bin/sh
# $1: the deployment script; $2: the ssh key; $3: a file for host keys
set -u
deploy=$1; key=$2; hosts=$3
DCS=/pgha/pgha_patroni_cluster
on() { # NODE USER COMMAND
    port=$(docker port "$1" 22/tcp | head -n 1 | cut -d: -f2)
    set -- "$1" "$2" "$3" "$port"
    if [ "$2" = postgres ]; then
        set -- "$1" "$2" "sudo -E -u postgres /bin/bash -lc $(quote "$3")" "$4"
    else
        set -- "$1" "$2" "/bin/bash -lc $(quote "$3")" "$4"
    fi
    ssh -q -n -F none -i "$key" -p "$4" -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new \
        -o UserKnownHostsFile="$hosts" -o HostKeyAlias="$1" -o LogLevel=ERROR root@127.0.0.1 "$3"
}
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
until_holds() { # LIMIT NODE USER COMMAND
    limit=$(($(date +%s) + $1))
    until on "$2" "$3" "$4" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$limit" ] || { echo "did not hold on $2: $4" >&2; exit 1; }
        sleep 0.5
    done
}
answer() { # what the placeholders stand for
    leader=$(on FIRST postgres "etcdctl get --print-value-only $DCS/leader" 2>/dev/null)
    replica=$(on FIRST postgres "patronictl -c /pgha/config/patroni.yaml list -f json" 2>/dev/null |
        jq -r '[.[] | select(.Role == "Replica" and .State == "streaming")][0].Member // empty')
}
"""
LIST = "patronictl -c /pgha/config/patroni.yaml list -f json"


class Script:
    """Builds the script for one lab."""

    def __init__(self, course: Course, names: Names) -> None:
        self._course = course
        self._names = names
        self._all = [names.text(f"pgha{n}") for n in range(1, 6)]
        self._lines = [HEAD.replace("FIRST", self._all[0])]

    def text(self) -> str:
        """The whole script."""
        for lesson in self._course.lessons:
            for step in lesson.steps:
                self._step(step)
        return "\n".join(self._lines) + "\n"

    def _step(self, step: Step) -> None:
        kind = step.kind
        if not kind.acts or kind == Action("build"):
            return
        self._lines.append(f"echo {shlex.quote(step.id)}")
        if isinstance(kind, Action):
            self._lines.append('sh "$deploy" create && sh "$deploy" start || exit 1')
        command = "" if isinstance(kind, Edit) else kind.where.command
        if isinstance(kind, Edit):
            patch = yaml.safe_dump(self._names.value(dict(kind.patch)))
            tool = "patronictl -c /pgha/config/patroni.yaml edit-config --apply /tmp/patch.yaml"
            show = f"cat > /tmp/patch.yaml <<'END'\n{patch}END\n{tool} <<< n"
            self._run(step, show)
            command = f"{tool} --force"
        if command:
            self._run(step, command)
        for check in step.checks:
            for node, condition in self._conditions(check):
                user = "root" if check.name == "path" else "postgres"
                self._lines.append(f"until_holds {check.within:.0f} {node} {user} {shlex.quote(condition)}")

    def _run(self, step: Step, command: str) -> None:
        where, text = step.kind.where, self._names.command(command)
        quoted = shlex.quote(text)
        if "{{" in text or "{{" in where.node:
            self._lines.append("answer")
            for word in ("leader", "replica"):
                quoted = quoted.replace("{{" + word + "}}", f"'\"${word}\"'")
        for name in self._all if where.node == EVERY_NODE else [self._names.text(where.node)]:
            node = name.replace("{{leader}}", '"$leader"').replace("{{replica}}", '"$replica"')
            self._lines.append(f"on {node} {where.user} {quoted}")

    def _nodes(self, on: Any) -> list[str]:
        if on in (None, "all"):
            return self._all
        if on in ("data", "replicas"):
            return self._all[:3]
        if on == "leader":
            return self._all[:1]
        return [self._names.text(node) for node in on]

    def _conditions(self, check: CheckSpec) -> Iterable[tuple[str, str]]:
        """The check as (node, shell command that succeeds when it holds)."""
        params: Mapping[str, Any] = self._names.value(dict(check.params))
        first = self._all[0]
        match check.name:
            case "containers":
                return [(node, "true") for node in self._all]
            case "process":
                sign = "" if params.get("running", True) else "! "
                return [(node, f"{sign}pgrep -u postgres -x {params['name']}") for node in self._nodes(params["on"])]
            case "service":
                answers = {"etcd": "localhost:2379/health", "patroni": "localhost:8008/liveness"}[params["name"]]
                old = f'test "$(ps -o etimes= -p "$(pgrep -o -x {params["name"]})")" -ge {STAYS[params["name"]]}'
                return [(node, f"curl -sf -m 1 {answers} || {old}") for node in self._nodes(params["on"])]
            case "emptied":
                look = f"test ! -e {params['path']} || pgrep -x patroni"
                return [(node, look) for node in self._nodes(params["on"])]
            case "resolves":
                names = " ".join(params["names"])
                look = f"for n in {names}; do getent ahostsv4 $n || exit 1; done"
                return [(node, look) for node in self._nodes(params.get("on"))]
            case "path":
                test = "! -e" if params.get("absent") else "-e"
                return [
                    (node, " && ".join([f"test {test} {params['path']}", *self._greps(params)]))
                    for node in self._nodes(params["on"])
                ]
            case "yaml":
                return [(node, f"test -s {params['path']}") for node in self._nodes(params["on"])]
            case "etcd":
                if not params:
                    return [(first, "etcdctl member list")]
                if "healthy" in params:
                    look, least = "etcdctl endpoint health --cluster 2>&1 | grep -c 'is healthy'", params["healthy"]
                else:
                    look, least = "etcdctl member list | wc -l", params["members"]
                return [(first, f'test "$({look})" -ge {least}')]
            case "dcs_key":
                return [
                    (first, f"etcdctl get --print-value-only /pgha/pgha_patroni_cluster/{params['key']} | grep -q .")
                ]
            case "etcd_key":
                get = f"etcdctl get --print-value-only --consistency=s {params['key']}"
                return [(first, f"{get} | grep -qxF {shlex.quote(params['equals'])}")]
            case "job":
                sign = "" if params.get("running", True) else "! "
                find = f"{sign}pgrep -u postgres -f {shlex.quote('^' + params['command'])}"
                return [(node, find) for node in self._nodes(params["on"])]
            case "relation":
                sql = f"select 1 from pg_class where relname = '{params['name']}'"
                look = f'psql -d {params["database"]} -Atc "{sql}" | grep -qx 1'
                return [(node, look) for node in self._nodes(params["on"])]
            case "patroni":
                filters: list[str] = []
                if params["on"] not in ("leader", "replicas"):
                    filters.append(
                        "(" + " or ".join(f'.Member == "{node}"' for node in self._nodes(params["on"])) + ")"
                    )
                if params.get("role") == "member":
                    filters.append('(.Role == "Leader" or .State == "streaming")')
                elif "role" in params:
                    filters.append(f'.Role == "{params["role"].capitalize()}"')
                if "state" in params:
                    filters.append(f'.State == "{params["state"]}"')
                query = f"map(select({' and '.join(filters)})) | length >= 1"
                return [(first, f"{LIST} | jq -e '{query}'")]
            case "config":
                show = "patronictl -c /pgha/config/patroni.yaml show-config"
                return [(first, f"{show} | grep -qF {key.rsplit('.', 1)[-1]}:") for key in params["values"]]
            case "role":
                sql = f"select rolcanlogin, rolreplication from pg_roles where rolname = '{params['name']}'"
                wanted = "|".join("t" if params[key] else "f" for key in ("login", "replication"))
                return [(node, f"psql -Atc \"{sql}\" | grep -qxF '{wanted}'") for node in self._nodes(params["on"])]
            case "cluster":
                query = f'map(select(.State == "streaming")) | length == {params["streaming"]}'
                return [(first, f"{LIST} | jq -e '{query}'")]
            case "replication":
                sql = "select count(*) from pg_stat_replication where state = 'streaming'"
                return [(first, f'psql -Atc "{sql}" | grep -qx {params["streaming"]}')]
            case "marker":
                make = "create table if not exists pghalab_mark(n int); insert into pghalab_mark values (1)"
                read = "psql -Atc 'select n from pghalab_mark limit 1' | grep -qx 1"
                return [(first, f'psql -c "{make}"'), *((node, read) for node in self._all[1:3])]
            case "hba":
                sql = "select count(*) from pg_hba_file_rules where error is null"
                wanted = f'test "$(psql -Atc "{sql}")" -ge {len(params.get("has", [0]))}'
                return [(node, wanted) for node in self._nodes(params["on"])]
            case "login":
                user, database = params.get("user", "postgres"), params.get("database", "postgres")
                wanted = f"psql -h {params['to']} -U {user} -d {database} -c 'select 1'"
                if params.get("password") == "wrong":
                    wanted = f"PGPASSWORD=wrong {wanted}"
                return [(params["from"], wanted if params["accepted"] else f"! {wanted}")]
            case "database":
                sql = f"select 1 from pg_database where datname = '{params['name']}'"
                return [(node, f'psql -Atc "{sql}" | grep -qx 1') for node in self._nodes(params["on"])]
            case "output" | "image":
                return []
        raise ValueError(f"line {check.line}: there is no shell condition for the check {check.name}")

    @staticmethod
    def _greps(params: Mapping[str, Any]) -> list[str]:
        return [f"grep -qF {shlex.quote(text)} {params['path']}" for text in params.get("contains", ())]


def write(path: Path, course: Course, names: Names) -> None:
    """Write the script to a file."""
    path.write_text(Script(course, names).text())
