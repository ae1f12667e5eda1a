"""The verbs, each said once: the command line, the lab menu and the palette are made from this.

A new verb is an entry here and the function that it names. Nothing else is imported before a verb runs, since `--help`
and the first screen wait for it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from pghalab.lab.settings import LabSettings
    from pghalab.session.backend import DrivenLab, Stream
    from pghalab.session.session import Session


class Option:
    """An option or argument of a verb on the command line; `how` is what argparse's `add_argument` takes."""

    def __init__(self, *flags: str, either: str = "", setting: bool = False, **how: Any) -> None:
        self.flags = flags
        self.either = either
        """Of the options with this word only one may be said, and with a word that ends in `!` one must be."""
        self.setting = setting
        """It changes the setting of the lab that is named like its `dest`."""
        self.how = how


class Way:
    """One way in which the console offers a verb: a line of the lab menu and of the palette."""

    def __init__(
        self,
        title: str,
        words: str,
        *,
        warning: str = "",
        asks_settings: bool = False,
        starts: Callable[[Session], object] | None = None,
        palette: bool = True,
        **options: bool,
    ) -> None:
        self.title = title
        self.words = words
        """What it does, after the title."""
        self.warning = warning
        """What has to be confirmed first."""
        self.asks_settings = asks_settings
        """The learner chooses settings of the lab first."""
        self.starts = starts
        """What is done instead of running the verb on the lab."""
        self.palette = palette
        """The palette has it too, not only the lab menu."""
        self.options = options
        """With which options the verb runs."""


class Verb:
    """Something that can be asked of pghalab."""

    def __init__(
        self,
        name: str,
        words: str,
        call: str,
        *,
        more: str = "",
        ends: str = "",
        example: str = "",
        options: tuple[Option, ...] = (),
        runs: Callable[..., Stream] | None = None,
        changes: bool = False,
        looks: bool = False,
        ways: tuple[Way, ...] = (),
    ) -> None:
        self.name = name
        self.words = words
        """What it does, in a few words that begin small."""
        self.call = call
        """What the command line calls with the parsed arguments: a module of `pghalab.verbs` and a function in it."""
        self.more = more
        """What its help says beyond the words."""
        self.ends = ends
        """Its exit statuses, where there are more than 0 and 1: a line each."""
        self.example = example or f"pghalab {name}"
        self.options = options
        self.runs = runs
        """What it does to a lab, as a stream of output: called with the lab and the options that it takes."""
        self.changes = changes
        """It changes the lab or the progress, so that only the one who drives the lab may run it."""
        self.looks = looks
        """It writes nothing but what it is asked for: no state folder, no key, no settings, nothing in the nodes."""
        self.ways = ways
        """How the console offers it; without any it is on the command line only."""

    def takes(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Those of the command line's arguments that `runs` takes."""
        names = {str(option.how["dest"]) for option in self.options if option.how.get("dest") and not option.setting}
        return {name: value for name, value in arguments.items() if name in names and name != "force"}


_FORCE = Option("--force", dest="force", action="store_true", help="even while a console has the lab open")
_STATUSES = """exit status:
  0  healthy: every node is up, etcd has all its members, one member leads, every replica streams
  3  it works, and something is not as it should be (a node, a member or a replica is missing)
  4  broken: no quorum, no leader, nobody takes writes, or two servers do
  5  it cannot be seen: the engine, the nodes or etcd do not answer
  6  nothing is there: no node runs, or no cluster was made on them yet
  1  pghalab could not look; 2  wrong usage; 70  a fault of pghalab
"""
_IMAGE = "the image (default: pghalab-pg17:latest)"


def _export(lab: DrivenLab) -> Stream:
    from pathlib import Path

    from pghalab.session.lab_work import export

    return export(lab.settings, Path.cwd())


VERBS = (
    Verb(
        "build",
        "build the image of the nodes",
        "lab.drive",
        options=(
            Option("-i", dest="image", setting=True, metavar="IMAGE", help="its name (default: that of the lab)"),
        ),
        runs=lambda lab: lab.build(),
        ways=(Way("Build", "the image of the nodes; quick when nothing changed"),),
    ),
    Verb(
        "up",
        "create and start the nodes",
        "lab.drive",
        example="pghalab up -n 5 -c pgha -w pghanet -s 192.168.50",
        options=(
            Option("-n", dest="nodes", setting=True, type=int, metavar="NUMBER", help="how many nodes (default: 5)"),
            Option(
                "-c",
                dest="prefix",
                setting=True,
                metavar="NAME",
                help="what node names begin with (default: the lab's name)",
            ),
            Option(
                "-w", dest="network", setting=True, metavar="NETWORK", help="the network to create (default: NAMEnet)"
            ),
            Option(
                "-s", dest="subnet", setting=True, metavar="SUBNET", help="its first three octets (default: 192.168.50)"
            ),
            Option("-i", dest="image", setting=True, metavar="IMAGE", help=_IMAGE),
            Option(
                "-p",
                dest="password",
                setting=True,
                metavar="-",
                help="ask for the password of the postgres superuser, or read it from standard input (default: random)",
            ),
            Option(
                "-m",
                dest="auth_method",
                setting=True,
                action="store_const",
                const="md5",
                help="store passwords as md5 instead of scram-sha-256",
            ),
            Option(
                "--open",
                dest="open_network",
                setting=True,
                action="store_const",
                const=True,
                help="let the nodes answer everybody who reaches their network",
            ),
            Option(
                "--no-open",
                dest="open_network",
                setting=True,
                action="store_const",
                const=False,
                help="let the nodes answer each other and the console only (the default)",
            ),
            Option(
                "--auto",
                dest="auto",
                action="store_true",
                help="take the next free subnet and names when these are taken",
            ),
            _FORCE,
        ),
        runs=lambda lab, **options: lab.up(**options),
        changes=True,
        ways=(
            Way("Up", "create what is missing and start it"),
            Way("Up, elsewhere", "the same, on the next free subnet when addresses are taken", auto=True),
            Way("Up, other…", "the same with other nodes, names, network, image or password", asks_settings=True),
        ),
    ),
    Verb(
        "start",
        "start the nodes, wake paused ones",
        "lab.drive",
        options=(_FORCE,),
        runs=lambda lab: lab.start(),
        changes=True,
        ways=(Way("Start", "the existing nodes"),),
    ),
    Verb(
        "stop",
        "stop the nodes",
        "lab.drive",
        options=(_FORCE,),
        runs=lambda lab: lab.stop(),
        changes=True,
        ways=(Way("Stop", "the nodes; what is on their disks stays"),),
    ),
    Verb(
        "restart",
        "stop and start the nodes",
        "lab.drive",
        options=(_FORCE,),
        runs=lambda lab: lab.restart(),
        changes=True,
        ways=(Way("Restart", "the nodes", warning="Every node is stopped and started again. Services on them end."),),
    ),
    Verb(
        "export",
        "write the deployment for use without pghalab",
        "lab.export",
        example="pghalab export --compose lab.yaml",
        options=(
            Option("--compose", metavar="FILE", help="as a compose file; `-` is standard output"),
            Option("--script", metavar="FILE", help="as a shell script of docker commands; `-` is standard output"),
            Option("--force", action="store_true", help="overwrite existing files"),
        ),
        runs=_export,
        looks=True,
        ways=(Way("Export", "a compose file and a script that make this lab without pghalab"),),
    ),
    Verb(
        "reset",
        "forget what was done in the course",
        "course.reset",
        more="Forgets progress only; the lab stays as it is (`pghalab down -f` removes it).",
        example="pghalab reset --lesson etcd-start",
        options=(
            Option("--lesson", either="what!", metavar="ID", help="forget one lesson"),
            Option("--all", either="what!", action="store_true", help="forget everything"),
        ),
        changes=True,
        ways=(
            Way(
                "Begin again",
                "forget the progress; the lab stays as it is",
                warning="What was read, answered and done in the course is forgotten. The lab stays as it is.",
                starts=lambda session: session.learner.begin_again(),
            ),
        ),
    ),
    Verb(
        "rm",
        "remove the nodes, keep their data",
        "lab.drive",
        options=(_FORCE,),
        runs=lambda lab: lab.rm(),
        changes=True,
        ways=(
            Way(
                "Remove nodes",
                "the containers; the volumes stay",
                warning="The containers are removed; the volumes stay.",
            ),
        ),
    ),
    Verb(
        "rmvolumes",
        "remove the data of nodes that are removed",
        "lab.drive",
        options=(_FORCE,),
        runs=lambda lab: lab.rmvolumes(),
        changes=True,
        ways=(
            Way(
                "Remove data",
                "the volumes of nodes that are removed",
                warning="The data of this lab is removed; its nodes must be removed before. This cannot be undone.",
            ),
        ),
    ),
    Verb(
        "down",
        "remove the nodes and their network",
        "lab.drive",
        example="pghalab down -f",
        options=(Option("-f", dest="volumes", action="store_true", help="remove their data too"), _FORCE),
        runs=lambda lab, **options: lab.down(**options),
        changes=True,
        ways=(
            Way(
                "Remove lab",
                "containers and network; the volumes stay",
                warning="The containers and the network of this lab are removed; the volumes stay.",
            ),
            Way(
                "Remove all",
                "containers, network and the data",
                warning="Everything of this lab is removed, its data included. This cannot be undone.",
                volumes=True,
            ),
        ),
    ),
    Verb(
        "ls",
        "list what the engine holds of the labs",
        "lab.ls",
        looks=True,
        options=(Option("--all", action="store_true", help="of every lab, not only of this one"),),
    ),
    Verb(
        "shell",
        "open a shell on a node",
        "lab.shell",
        example="pghalab shell pgha1 -u postgres",
        options=(
            Option("node", metavar="NODE", help="the node's name, or its number"),
            Option("-u", dest="user", choices=("root", "postgres"), default="root", help="default: root"),
        ),
    ),
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
            Option("--json", action="store_true", help="print one event a line, as JSON"),
            Option("--junit", metavar="FILE", help="write a JUnit report"),
        ),
        changes=True,
    ),
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
        more="Shown as they are now.",
        ends=_STATUSES,
        example="pghalab status --watch",
        looks=True,
        options=(
            Option("--json", action="store_true", help="print JSON; with --watch one update a line"),
            Option("--watch", action="store_true", help="go on, and print what changes, until interrupted"),
        ),
    ),
    Verb(
        "doctor",
        "say whether this machine can run the lab",
        "doctor.doctor",
        more="And what to do when it cannot. Exit status 0 only if nothing is wrong.",
        example="pghalab doctor --json",
        looks=True,
        options=(Option("--json", action="store_true", help="print the facts as JSON"),),
    ),
)


def named(name: str) -> Verb:
    """The verb of this name; raises KeyError."""
    for verb in VERBS:
        if verb.name == name:
            return verb
    raise KeyError(name)


def ways() -> Iterator[tuple[Verb, Way]]:
    """What the console offers, in the order of the lab menu."""
    return ((verb, way) for verb in VERBS for way in verb.ways)


def start(session: Session, verb: Verb, way: Way, settings: LabSettings | None = None) -> bool:
    """Do what a way of the console says, with other settings if there are any; False (and a notice) when refused."""
    if way.starts is not None:
        return bool(way.starts(session))
    backend, runs = session.state.backend, verb.runs
    assert runs is not None
    if backend is None:
        session.bus.notice(session.work.refusal(changes=verb.changes), "warning")
        return False
    lab = backend.lab

    def stream() -> Stream:
        if settings is None:
            return runs(lab, **way.options)
        from pghalab.session.lab_work import configured

        return configured(lab, settings, lambda: runs(lab, **way.options))

    return session.work.run_verb(way.title, stream, changes=verb.changes)
