"""The verbs for whoever shows the course to a room."""

from __future__ import annotations

from pghalab.registry.model import Option, Verb

ON_STAGE = (
    Verb(
        "demo",
        "show lessons to a room, on the live lab",
        "demo.demo",
        more="Opens the console for a projector: each step is said, its command typed as a person would, run and seen; "
        "the right arrow or PageDown goes on, ? lists the keys. What is missing before the first lesson is done first. "
        "What goes wrong is told to the presenter only: `pghalab notes` in a second terminal. How fast it types may be "
        'said in the [demo] of the settings file: speed = 1.5, jitter = 0.3, background = "light".',
        example="pghalab demo etcd-config etcd-start",
        options=(
            Option("lessons", nargs="*", metavar="LESSON", help="their ids or numbers (default: the whole course)"),
            Option("--auto", action="store_true", help="go on by itself, with the pauses of the lessons"),
            Option(
                "--loop",
                action="store_true",
                help="the same, and begin anew behind the end, from a snapshot of the lab as it was (demo-start)",
            ),
            Option(
                "--notes",
                action="store_true",
                help="open the notes in a window of their own, to be moved to the screen that the room does not see",
            ),
            Option("--instant", action="store_true", help="type at once, and wait for nothing but the lab"),
            Option("--speed", type=float, metavar="N", help="N times as fast (default: as in the settings, or 1)"),
        ),
        changes=True,
    ),
    Verb(
        "notes",
        "show a presenter the notes, the next step, the time and the cluster, and drive the show",
        "notes.notes",
        more="For a second terminal, which the room does not see: it follows the show of the console that drives the "
        "lab, also when that comes back. The arrows, PageDown and PageUp drive the show as they do there.",
        looks=True,
    ),
    Verb(
        "replay",
        "show the course as it was recorded, on a machine without an engine",
        "replay.replay",
        more="The same console over a recording of a real lab: what was run, what it printed, and the cluster as it "
        "was then. Every screen says that it is recorded, of when and of which versions. Nothing in it is of now, and "
        "nothing can be done to its lab. FILE is one of your own: pghalab journal export --format recording FILE",
        example="pghalab replay",
        options=(Option("file", nargs="?", metavar="FILE", help="a recording (default: the whole course)"),),
    ),
    Verb(
        "rehearse",
        "say how long lessons take here before they are shown, and what the room needs",
        "rehearse.rehearse",
        more="Looks at the engine, the image, the disk, the subnet and the terminal, does what is missing before the "
        "first lesson, and runs what is shown, without an audience: the typing and the reading are counted, and nobody "
        "is waited for. What was done before is not done again, nor measured: begin with a new lab, or one that was "
        "restored. Exit status 0 only if the room is ready and every step came off.",
        example="pghalab rehearse etcd-config etcd-start",
        options=(
            Option("lessons", nargs="*", metavar="LESSON", help="their ids or numbers (default: the whole course)"),
            Option("--no-optional", action="store_true", help="leave optional steps out"),
            Option("--room", action="store_true", help="only look at the room; nothing is run"),
            Option("--json", action="store_true", help="print JSON: the room, then a line for each lesson"),
        ),
        changes=True,
    ),
    Verb(
        "serve",
        "show the console's screen to a room, in its browsers",
        "serve.serve",
        more="Prints the address to give to the room. Who opens it sees what is on the screen of the console that "
        "drives the lab, the commands so far, to copy, and the questions of the demo, to vote on; nothing else can be "
        "done there. Passwords, keys, your home folder and this machine's name are not shown. Run it in a terminal "
        "beside the console, or let the console begin it (`pghalab keys`: app.room); either may be started, ended and "
        "started again at any time. Only this machine gets there unless --listen says otherwise. Ctrl+C ends it, with "
        "exit status 0.",
        example="pghalab serve --listen 0.0.0.0 --port 8080",
        options=(
            Option(
                "--listen",
                metavar="ADDRESS",
                default="127.0.0.1",
                help="an address of this machine that others reach, or 0.0.0.0 for all it has: everybody there who "
                "has the printed address sees the screen, unencrypted (default: 127.0.0.1)",
            ),
            Option(
                "--port",
                type=int,
                default=0,
                metavar="NUMBER",
                help="the port (default: the one of the last twelve hours, or a free one)",
            ),
            Option("--new-address", action="store_true", help="lock out who has the address of the last twelve hours"),
            Option("--until-eof", action="store_true", help="end also when standard input does, for who starts it"),
        ),
    ),
)
