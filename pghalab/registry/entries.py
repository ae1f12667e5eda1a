"""Every verb, once: a new one is an entry here or in a file beside it, and the functions that it names."""

from __future__ import annotations

from pghalab.registry.model import Option, Verb
from pghalab.registry.on_lab import ON_LAB
from pghalab.registry.on_stage import ON_STAGE

_STATUSES = """exit status:
  0  healthy: every node is up, etcd has all its members, one member leads, every replica streams
  3  it works, and something is not as it should be (a node, a member or a replica is missing)
  4  broken: no quorum, no leader, nobody takes writes, or two servers do
  5  it cannot be seen: the engine, the nodes or etcd do not answer
  6  nothing is there: no node runs, or no cluster on them
  1  pghalab could not look; 2  wrong usage; 70  a fault of pghalab
"""


VERBS = (
    *ON_LAB,
    Verb(
        "run",
        "run the course without the console",
        "course.run",
        more="Runs steps in order until one fails; steps that are done already are left alone. "
        "Exit status 0 only if every check held.",
        example="pghalab run --to etcd-status",
        options=(
            Option("--all", either="which", action="store_true", help="every step (the default)"),
            Option("--lesson", either="which", nargs="+", metavar="ID", help="the steps of these lessons"),
            Option("--to", either="which", metavar="STEP", help="every step up to and with this one"),
            Option("--no-optional", action="store_true", help="leave optional lessons and steps out"),
            Option(
                "--without",
                nargs="+",
                default=[],
                metavar="NODE",
                help="start Patroni although these nodes are out of reach: what only they have is lost",
            ),
            Option(
                "--prove",
                action="store_true",
                help="prove each step on a lab without any: its checks fail before, hold after, no mistake is named, "
                "and a second run does nothing (TAP)",
            ),
            Option("--json", action="store_true", help="print one event a line, as JSON"),
            Option("--junit", metavar="FILE", help="write a JUnit report"),
        ),
        changes=True,
    ),
    *ON_STAGE,
    Verb(
        "lint",
        "check lesson files",
        "course.lint",
        more="Prints file:line: message for everything wrong; exit status 1 if anything is.",
        example="pghalab lint pghalab/lessons",
        looks=True,
        options=(
            Option("folder", nargs="?", metavar="FOLDER", help="the folder of lessons (default: pghalab's own)"),
            Option(
                "--against-lab",
                either="lab",
                action="store_true",
                help="compare the expected outputs with what the lab printed last",
            ),
            Option(
                "--record", either="lab", action="store_true", help="write what the lab printed last into the lessons"
            ),
        ),
    ),
    Verb(
        "status",
        "show the nodes, etcd and the Patroni cluster",
        "status.status",
        more="Shown as they are now, and below them why: the common mistakes that show (`pghalab doctor --lab` says "
        "what to do).",
        ends=_STATUSES,
        example="pghalab status --watch",
        looks=True,
        options=(
            Option("--json", action="store_true", help="print JSON; with --watch one update a line"),
            Option("--watch", action="store_true", help="go on, and print what changes, until interrupted"),
        ),
    ),
    Verb(
        "journal",
        "say what is kept of what was done in the lab, or export it",
        "journal.journal",
        more="Alone it says where the journal is, how large, and since when it tells. `export` writes what was done on "
        "the nodes that the lab has now: commands, outputs, what was checked. As Markdown it is a runbook, as cast a "
        "recording for asciinema and its player (asciicast v3). Passwords, tokens and keys are in none of them.",
        example="pghalab journal export --from etcd-config --to replicas runbook.md",
        looks=True,
        options=(
            Option("action", nargs="?", choices=("export",), help="export it"),
            Option("file", nargs="?", metavar="FILE", help="where to; by default, and with `-`, standard output"),
            Option(
                "--format",
                choices=("md", "json", "cast", "recording"),
                help="Markdown (the default), JSON, asciicast v3, or what `pghalab replay` shows",
            ),
            Option("--from", dest="since", metavar="LESSON|TIME", help="from this lesson or time on"),
            Option("--to", dest="until", metavar="LESSON|TIME", help="up to the end of this lesson, or this time"),
            Option("--all", action="store_true", help="also what was done on earlier nodes of this lab"),
            Option("--force", action="store_true", help="overwrite an existing file"),
        ),
    ),
    Verb(
        "keys",
        "list the actions of the console and their keys",
        "keys.keys",
        more="Their ids are what [keymap] in the settings file wants; exit status 1 if a line of that is wrong.",
        looks=True,
    ),
    Verb(
        "doctor",
        "say whether this machine can run the lab, and what is wrong in it",
        "doctor.doctor",
        more="And what to do about it. Exit status 0 only if nothing is wrong.",
        example="pghalab doctor --lab",
        looks=True,
        options=(
            Option(
                "--lab",
                nargs="?",
                const="",
                dest="look_into",
                metavar="NAME",
                help="say also what is wrong in the lab, and what to do",
            ),
            Option("--json", action="store_true", help="print the facts as JSON"),
        ),
    ),
)
