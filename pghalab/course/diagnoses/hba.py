"""Mistakes in the rules for who may connect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pghalab.course.checks.facts import Facts
from pghalab.course.checks.postgres import rule
from pghalab.course.diagnoses.base import Mistake, Scene, Sign, data, on_nodes
from pghalab.lab.types import LabError, Node

_ERRORS = "select rule_number, line_number, error from pg_hba_file_rules where error is not null order by line_number"
_HERE = ("127.0.0.1/32", "127.0.0.0/8", "localhost", "samehost", "samenet", "all", "0.0.0.0/0")
FILE = "/pgdata/17/data/pg_hba.conf"


async def top_level(scene: Scene) -> Sequence[Sign]:
    """The list stands where Patroni does not look for it."""
    return [Sign((), "")] if "pg_hba" in await _config(scene.facts) else []


async def no_localhost(scene: Scene) -> Sequence[Sign]:
    """Nobody may connect from the node itself, as Patroni and this course do."""
    rules = _rules(await _config(scene.facts))
    if rules is None:
        return []
    return [] if any(_lets_in(line.split()) for line in rules) else [Sign((), "")]


def _lets_in(words: Sequence[str]) -> bool:
    """Whether a rule lets postgres in from the node itself."""
    return (
        len(words) >= 5
        and words[0].startswith("host")
        and bool({"all", "postgres"} & set(words[2].split(",")))
        and words[3] in _HERE
        and words[4] != "reject"
    )


async def in_error(facts: Facts, node: Node) -> str | None:
    """The server cannot read a rule, and keeps the ones that it had."""
    rows = await facts.query(node, _ERRORS)
    return f"line {rows[0][1]}: {rows[0][2]}" if rows else None


async def old_file(facts: Facts, node: Node) -> str | None:
    """The rules in etcd have not reached the node's file."""
    rules = _rules(await _config(facts))
    file = await facts.file(node, FILE)
    if not rules or file is None:
        return None
    have = {rule(line) for line in file.text.splitlines() if line.strip() and not line.lstrip().startswith("#")}
    missing = [line for line in rules if rule(line) not in have]
    return f"{len(missing)} of {len(rules)}" if missing else None


async def _config(facts: Facts) -> Mapping[str, Any]:
    try:
        found = await facts.config()
    except (LabError, ValueError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _rules(config: Mapping[str, Any]) -> list[str] | None:
    """The rules of the cluster, None when the nodes have their own."""
    section = config.get("postgresql")
    found = section.get("pg_hba") if isinstance(section, Mapping) else None
    return [str(line) for line in found] if isinstance(found, list) else None


MISTAKES: Mapping[str, Mistake] = {
    "hba-top-level": Mistake(
        top_level,
        "pg_hba stands beside postgresql in the configuration, not below it: Patroni ignores it there.",
        "patronictl edit-config, and indent the list below postgresql.",
    ),
    "hba-no-localhost": Mistake(
        no_localhost,
        "The list lacks a rule for 127.0.0.1: Patroni itself, and this course, are locked out.",
        "Add `host all all 127.0.0.1/32 scram-sha-256` to the list with patronictl edit-config.",
        severity="critical",
    ),
    "hba-error": Mistake(
        on_nodes(in_error, data),
        "PostgreSQL on {nodes} cannot read a rule ({detail}); the old rules stay in force.",
        "Mend that rule with patronictl edit-config; Patroni writes the file on every node.",
    ),
    "hba-old": Mistake(
        on_nodes(old_file, data),
        "On {nodes} {detail} rules have not reached the file: its Patroni has not written it.",
        "Look at /var/log/patroni/patroni.out there; when Patroni cannot log in to its server, restart it.",
    ),
}
