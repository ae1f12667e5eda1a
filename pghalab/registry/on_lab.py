"""The verbs that change a lab, lead to a place in it, or list what there is."""

from __future__ import annotations

from pghalab.registry import runs
from pghalab.registry.model import Option, Verb, Way

_FORCE = Option("--force", dest="force", action="store_true", help="even while a console has the lab open")
_IMAGE = "the image (default: pghalab-pg17:latest)"


ON_LAB = (
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
            Way("Up, other…", "the same with other nodes, names, network, image or password", asks="settings"),
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
        "snapshot",
        "keep the lab as it is now, to come back to",
        "lab.drive",
        more="The nodes stand still for about a second, and nothing that runs on them notices. In a snapshot are the "
        "data and configuration of every node, its logs, the homes of root and postgres, /etc/hosts, and which "
        "services ran and how. A name keeps it until it is removed; of those without one the last 5, and while "
        "the disk has 5 GiB free the last one of each lesson's beginning.",
        example="pghalab snapshot before-failover",
        options=(
            Option("name", nargs="?", metavar="NAME", help="its name (default: the time)"),
            Option("--remove", dest="remove", action="store_true", help="remove the snapshot of this name instead"),
            _FORCE,
        ),
        runs=runs.snapshot,
        changes=True,
        ways=(Way("Snapshot…", "keep the lab and the progress as they are now, under a name", asks="name"),),
    ),
    Verb(
        "snapshots",
        "list the snapshots of the lab",
        "snapshots.listing",
        looks=True,
        options=(Option("--json", action="store_true", help="print them as JSON"),),
    ),
    Verb(
        "restore",
        "bring the lab back to a snapshot",
        "lab.drive",
        more="Also a lab whose nodes were removed. What was done since is lost in the lab, and the progress of the "
        "course goes back with it; what was read and answered stays.",
        example="pghalab restore before-failover",
        options=(
            Option("name", nargs="?", metavar="NAME", help="which one (default: the newest)"),
            _FORCE,
        ),
        runs=runs.restore,
        changes=True,
        ways=(Way("Snapshots…", "list them, go back to one (restore), or remove one", asks="snapshot"),),
    ),
    Verb(
        "goto",
        "go to a lesson or a step, by doing what is missing before it",
        "goto.goto",
        more="Runs the steps of the lessons that it needs, without those that only show something, and tells first "
        "what cannot be reached from here. Interrupted, what was done stays done. Exit status 0 only if it is there.",
        example="pghalab goto pg-hba",
        options=(Option("place", metavar="LESSON|STEP", help="the id of a lesson or of a step"),),
        changes=True,
        ways=(
            Way(
                "Jump here",
                "do what is missing before the step on the screen",
                warning="The steps that are missing before the one on the screen are run now, one after the other.",
                starts=lambda session: session.jump(),
            ),
        ),
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
        runs=runs.export,
        looks=True,
        ways=(Way("Export", "a compose file and a script that make this lab without pghalab"),),
    ),
    Verb(
        "reset",
        "start a lesson over, or forget what was done in the course",
        "reset.reset",
        more="With LESSON that lesson starts over: the lab goes back to the snapshot of its beginning, after a "
        "question that says what is lost. Where there is none its progress is forgotten, and the lab stays as it is.",
        example="pghalab reset etcd-start",
        options=(
            Option("start_over", either="what!", nargs="?", metavar="LESSON", help="start this lesson over"),
            Option("--lesson", either="what!", metavar="ID", help="forget the progress of one lesson only"),
            Option("--all", either="what!", action="store_true", help="forget all progress only"),
            Option("--yes", dest="yes", action="store_true", help="do not ask"),
        ),
        changes=True,
        ways=(
            Way("Lesson again", "start this lesson over: the lab goes back to where it began", asks="lesson"),
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
        options=(Option("-f", dest="volumes", action="store_true", help="remove their data and snapshots too"), _FORCE),
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
                "containers, network, the data and the snapshots",
                warning="Everything of this lab is removed, its data and snapshots too. This cannot be undone.",
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
)
