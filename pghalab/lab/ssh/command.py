"""One command on one ssh channel: bounded output, its end, and the shell lines that start and end it."""

from __future__ import annotations

import asyncio
import codecs
import shlex
import signal
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pghalab.lab.types import Output, User

if TYPE_CHECKING:
    import asyncssh

WINDOW = 256 * 1024
"""Bytes the node may send before the channel takes them."""
HIGH_WATER = 256 * 1024
"""Bytes held for the consumer at which reading pauses."""
PIECE = 64 * 1024
"""The most bytes decoded into one Output."""
QUIET = 1.0
"""Seconds without output after the exit that end a command whose background processes keep its output open."""

RUN_VARIABLE = "PGHALAB_RUN"
"""Holds the id of the run that a process belongs to, from its first moment: so the next console finds what one that was
killed left behind."""
COMMAND_VARIABLE = "PGHALAB_COMMAND"
"""Holds the process id of the command itself, which tells it from what it left behind."""

END_RUN = "/usr/local/sbin/end-run"
CLIENTS = ("psql", "pgbench", "vacuumdb", "reindexdb", "clusterdb")
"""Programs that cancel what the server does for them when they get SIGINT."""

# A client of PostgreSQL that gets SIGINT has the server cancel its query (fe_utils/cancel.c); ended any other way it
# leaves the query running. The image's script does the rest; a machine without it looks for itself. A zombie has an
# empty environ and does not count.
_END = """
ask='n=0
while found=$(for path in $(grep -lszxF {variable}={run} /proc/[0-9]*/environ); do
        case $(cat ${{path%environ}}comm 2>/dev/null) in
            {clients}) path=${{path%/environ}}; echo ${{path#/proc/}} ;;
        esac
    done); [ -n "$found" ] && [ $n -lt 10 ]; do
    [ $n -gt 0 ] || kill -INT $found
    sleep 0.1; n=$((n+1))
done 2>/dev/null'
sh -c "$ask"; setpriv --reuid postgres --regid postgres --clear-groups sh -c "$ask" 2>/dev/null
if [ -x {script} ]; then exec {script} {run}; fi
left() {{ grep -lszxF {variable}={run} /proc/[0-9]*/environ | sed -n 's|^/proc/\\([0-9]*\\)/environ$|\\1|p'; }}
try() {{ kill -"$1" $found 2>/dev/null; }}
found=$(left); [ -n "$found" ] && try TERM; n=0
while found=$(left); [ -n "$found" ] && [ $n -lt 20 ]; do sleep 0.1; n=$((n+1)); done
n=0
while [ -n "$found" ] && [ $n -lt 20 ]; do try KILL; sleep 0.05; n=$((n+1)); found=$(left); done
[ -z "$found" ]
"""

# Without the right to trace, each user reads the environment of its own processes only; sudo hides its own even so.
_RUNS = """
look='for path in $(grep -lszxF {variable}={run} /proc/[0-9]*/environ); do
    grep -hszx "{command}=[0-9]*" $path | tr "\\0" "\\n"
done'
for found in $(sh -c "$look"; setpriv --reuid postgres --regid postgres --clear-groups sh -c "$look" 2>/dev/null); do
    [ -d /proc/"${{found#*=}}" ] && exit 0
done
exit 1
"""

# What a command started and left behind (a server, say) is not below it any more, and lives on. A process that ends
# while it is looked at has no environment any more, and tells nothing.
_LEFT = """
look='for path in $(grep -lsza "^{variable}={drivers}" /proc/[0-9]*/environ); do
    run=$(grep -hsza "^{variable}=" $path | tr "\\0" "\\n" | sed -n "1s/^{variable}=//p")
    command=$(grep -hsza "^{command}=" $path | tr "\\0" "\\n" | sed -n "1s/^{command}=//p")
    case $run in {own}.*) continue ;; {drivers}*) ;; *) continue ;; esac
    case $command in ""|*[!0-9]*) continue ;; esac
    pid=${{path%/environ}}; pid=${{pid#/proc/}}; above=$pid
    while [ "${{above:-0}}" -gt 1 ] && [ "$above" != "$command" ]; do
        above=$(sed -n "s/^PPid:[^0-9]*//p" /proc/$above/status)
    done
    [ "$above" != "$command" ] || echo "$run $(tr "\\0\\n" "  " </proc/$pid/cmdline | cut -c 1-300)"
done 2>/dev/null'
sh -c "$look"; setpriv --reuid postgres --regid postgres --clear-groups sh -c "$look" 2>/dev/null; true
"""


def command_line(command: str, user: User, run: str) -> str:
    """The line that root's shell on the node gets, so that `command` runs as `user` and carries the run's id."""
    login = f"/bin/bash -lc {shlex.quote(command)}"
    mark = f"exec env {RUN_VARIABLE}={run} {COMMAND_VARIABLE}=$$"
    # root's home is closed to postgres, and psql and others complain about a folder they cannot enter.
    return f"cd / && {mark} sudo -E -u postgres {login}" if user == "postgres" else f"{mark} {login}"


def shell_line(user: User) -> str:
    """The line that starts an interactive login shell of `user`.

    That of postgres is a login with an environment of its own, without root's NODELIST, as lesson 7 has it.
    """
    if user == "root":
        return "exec /bin/bash -l"
    # As `su -`, but nothing stands between the terminal and the shell, which so gets the hang-up itself.
    return "cd / && exec setpriv --reuid postgres --regid postgres --init-groups --reset-env /bin/bash -l"


def runs_line(run: str) -> str:
    """The line that fails when a run's own command has ended on a node, whatever it left behind."""
    return _RUNS.format(variable=RUN_VARIABLE, run=run, command=COMMAND_VARIABLE)


def end_line(run: str) -> str:
    """The line that ends every process of a run on a node: TERM, and KILL after 2 s; it fails when some live on."""
    return _END.format(variable=RUN_VARIABLE, run=run, script=END_RUN, clients="|".join(CLIENTS))


def driver_mark(lab: str, token: str = "") -> str:
    """What the ids of a driver's runs in this lab begin with; without its token, those of any driver's."""
    return f"d.{lab}.{token}"


def left_line(own: str) -> str:
    """The line that prints the run and the command of each command on a node that another driver of the lab started.

    `own` is this driver's mark.
    """
    drivers = own[: own.rindex(".") + 1]
    return _LEFT.format(variable=RUN_VARIABLE, command=COMMAND_VARIABLE, own=own, drivers=drivers)


class CommandSession:
    """The asyncssh session of a command; it holds at most HIGH_WATER and one packet, then lets the node wait."""

    def __init__(self) -> None:
        self.exit_status: int | None = None
        """As a shell gives it: 128 + n for signal n."""
        self.closed = asyncio.Event()
        self.held = 0
        """Bytes that wait for the consumer."""
        self._pieces: deque[tuple[bool, bytes]] = deque()
        self._after_exit = 0
        self._eof = False
        self._paused = False
        self._discard = False
        self._news = asyncio.Event()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        replace = codecs.getincrementaldecoder("utf-8")
        self._decoders = (replace("replace"), replace("replace"))

    async def readable(self) -> bool:
        """Wait for output; False when there will be no more."""
        while not self._pieces:
            if self.closed.is_set() or (self._eof and self.exit_status is not None):
                return False
            if self._after_exit > WINDOW + HIGH_WATER:  # more than was under way: a background process prints
                return False
            self._news.clear()
            try:
                async with asyncio.timeout(QUIET if self.exit_status is not None else None):
                    await self._news.wait()
            except TimeoutError:
                return False
        return True

    def take(self) -> Iterator[Output]:
        """Yield one piece of what is held, if it makes whole characters."""
        if not self._pieces:
            return
        is_error, data = self._pieces.popleft()
        parts = [data]
        size = len(data)
        while self._pieces and self._pieces[0][0] is is_error and size < PIECE:
            parts.append(self._pieces.popleft()[1])
            size += len(parts[-1])
        self.held -= size
        if self.exit_status is not None:
            self._after_exit += size
        if self._paused and self.held < HIGH_WATER // 2:
            self._paused = False
            if self._channel:
                self._channel.resume_reading()
        yield from self._decoded(is_error, b"".join(parts))

    def rest(self) -> Iterator[Output]:
        """Yield what the decoders still hold of characters that were never finished."""
        for is_error in (False, True):
            yield from self._decoded(is_error, b"", final=True)

    def feed(self, stdin: str | None) -> None:
        """Give the command its whole input; without one it reads the end of file."""
        if self._channel and not self._channel.is_closing():
            if stdin:
                self._channel.write(stdin.encode())
            self._channel.write_eof()

    def discard(self) -> None:
        """Throw away what comes from now on."""
        self._discard = True
        self._pieces.clear()
        self.held = 0
        if self._paused and self._channel:
            self._paused = False
            self._channel.resume_reading()

    def close(self) -> None:
        """Close the channel, whatever still holds its other end."""
        if self._channel:
            self._channel.abort()

    def _decoded(self, is_error: bool, data: bytes, final: bool = False) -> Iterator[Output]:
        text = self._decoders[is_error].decode(data, final)
        if text:
            yield Output("stderr" if is_error else "stdout", text)

    # What asyncssh calls.

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Keep the channel."""
        self._channel = chan

    def session_started(self) -> None:
        """The command was accepted."""

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Hold output; pause when enough is held."""
        if self._discard:
            return
        self._pieces.append((datatype is not None, data))
        self.held += len(data)
        self._news.set()
        if self.held >= HIGH_WATER and not self._paused and self._channel:
            self._paused = True
            self._channel.pause_reading()

    def exit_status_received(self, status: int) -> None:
        """Keep the status."""
        self.exit_status = status
        self._news.set()

    # asyncssh names its parameters `signal` and so on, and passes them by position.
    def exit_signal_received(self, name: str, _core_dumped: bool, _message: str, _lang: str) -> None:
        """Keep the signal as a shell would tell it."""
        number = getattr(signal, f"SIG{name}", None)
        self.exit_status_received(128 + (int(number) if number else 0))

    def eof_received(self) -> bool:
        """No more output; the channel stays open for the exit status."""
        self._eof = True
        self._news.set()
        return True

    def pause_writing(self) -> None:
        """The whole input is one string: there is nobody to slow down."""

    def resume_writing(self) -> None:
        """See pause_writing."""

    def connection_lost(self, _error: Exception | None) -> None:
        """The channel is gone, by its own end or with the connection."""
        self.closed.set()
        self._news.set()
