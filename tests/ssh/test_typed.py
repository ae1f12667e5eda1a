"""What a real bash marks, over a real ssh connection, whatever the learner does to it."""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import pghalab
from pghalab.lab.ssh.node import SshNode
from pghalab.lab.ssh.shell import ShellSession
from pghalab.session.typed import Typed, Typing
from tests.ssh.machine import Machine

MARKS = Path(pghalab.__file__).parent / "image/rootfs/usr/local/lib/pghalab/marks.bash"


class Keyboard:
    """A shell that is typed into and listened to."""

    def __init__(self, shell: ShellSession) -> None:
        self.shell = shell
        self.began: list[Typed] = []
        self.ended: list[Typed] = []
        self.shown = b""
        self.typing = Typing(began=self.began.append, ended=self.ended.append)
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for data in self.shell.output():
            self.shown += data
            self.typing.feed(data)
        self.typing.close()

    async def until(self, holds: object) -> None:
        assert callable(holds)
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.01)

    @property
    def at_prompt(self) -> bool:
        return self.typing._marks.at_prompt

    def press(self, keys: str) -> None:
        data = keys.encode()
        self.typing.enter(data)
        self.shell.write(data)

    async def enter(self, line: str) -> Typed:
        """Type a line and wait for its end and the next prompt."""
        before = len(self.ended)
        self.press(f"{line}\r")
        await self.until(lambda: len(self.ended) > before and self.at_prompt)
        return self.ended[-1]

    async def close(self) -> None:
        await self.shell.close()
        await self._task


@pytest.fixture
async def keys(node: SshNode, machine: Machine) -> AsyncIterator[Keyboard]:
    (machine.home / ".bashrc").write_text(f"TERM=xterm HISTFILE=\nPS1='> '\n. {MARKS}\n")
    (machine.home / ".bash_profile").write_text(". ~/.bashrc\n")
    made = Keyboard(await node.shell("root", (100, 30)))
    await made.until(lambda: made.at_prompt)
    yield made
    await made.close()


async def test_commands_with_whose_they_are_and_what_they_printed(keys: Keyboard) -> None:
    done = await keys.enter("printf 'a\\nb\\n'; (exit 7)")
    assert (done.user, done.node) == (getpass.getuser(), socket.gethostname().split(".")[0])
    assert (done.text, done.status, done.output, done.alone) == ("printf 'a\\nb\\n'; (exit 7)", 7, "a\nb\n", True)
    assert (await keys.enter("printf '\\e]0;t\\a\\e[31mred\\e[0m caf\\303\\251\\n'")).output == "red café\n"
    assert (await keys.enter("true | false; echo ${PIPESTATUS[@]}")).output == "0 1\n"
    assert (await keys.enter("false")).status == 1
    keys.press("\r\r")
    assert (await keys.enter("echo $?")).output == "1\n"
    assert keys.typing.blind == ""


@pytest.mark.parametrize(
    "does",
    [
        "PS1='mine $(date +%s)$ '",
        "unset PS1",
        "PROMPT_COMMAND='true'",
        "PROMPT_COMMAND='false'",
        "PS0='# '",
        "set -u",
        "set -x",
        "set -T",
        "set -o posix",
        "set -o noclobber",
        "set -f",
        "set -m",
        "set -o vi",
        "shopt -s extdebug",
        "trap 'true' DEBUG",
        "trap 'echo trap >/dev/null' ERR",
        "trap 'true' RETURN",
        "IFS=abc",
        "LC_ALL=C",
        "unset HOSTNAME USER LOGNAME",
        "PATH=/nowhere",
        "exec >/dev/null; exec >/dev/tty",
        "alias printf=false local=false history=false shopt=false",
        "HISTTIMEFORMAT='%F %T '",
        "HISTCONTROL=ignoredups",
        "HISTSIZE=2",
        "cd /; ulimit -n 50",
    ],
)
async def test_nothing_that_the_learner_sets_breaks_the_marks_or_is_broken(keys: Keyboard, does: str) -> None:
    await keys.enter(does)
    shown = len(keys.shown)
    for _ in range(2):
        done = await keys.enter("echo $((40+2))")
        assert (done.text, done.status) == ("echo $((40+2))", 0)
        assert done.output.endswith("42\n")
    assert (await keys.enter("builtin false")).status == 1
    assert b"__pghalab" not in keys.shown[shown:]


async def test_a_shell_that_ends_itself(keys: Keyboard) -> None:
    keys.press("bash\r")
    await keys.until(lambda: len(keys.typing._marks._shells) == 2 and keys.at_prompt)
    await keys.enter("set -e")
    assert (await keys.enter("true")).status == 0
    keys.press("false\r")
    await keys.until(lambda: keys.ended and keys.ended[-1].text == "bash")
    assert keys.ended[-1].status == 1 and not keys.ended[-1].alone
    assert keys.ended[-2].text == "false" and keys.ended[-2].status is None


async def test_what_the_history_does_not_take_is_unknown(keys: Keyboard) -> None:
    await keys.enter("HISTCONTROL=ignorespace")
    await keys.enter("echo known")
    assert (await keys.enter(" echo secret")).text == ""
    await keys.enter("HISTIGNORE='ls*'")
    assert (await keys.enter("ls /")).text == ""
    await keys.enter("set +o history")
    assert (await keys.enter("echo unknown")).text == ""
    await keys.enter("set -o history")
    assert (await keys.enter("echo again")).text == "echo again"


async def test_long_commands_and_several_lines(keys: Keyboard) -> None:
    assert (await keys.enter(": " + "y" * 4500)).text == (": " + "y" * 4500)[:4096]
    keys.press("for i in 1 2\rdo echo $i\rdone\r")
    await keys.until(lambda: len(keys.ended) == 2 and keys.at_prompt)
    assert keys.ended[-1].output == "1\n2\n" and keys.ended[-1].text == "for i in 1 2; do echo $i; done"
    keys.press("\x1b[200~echo 1\necho 2\n(exit 3)\x1b[201~")
    keys.press("\r")
    await keys.until(lambda: len(keys.ended) == 5 and keys.at_prompt)
    assert [(one.text, one.status, one.output, one.alone) for one in keys.ended[2:]] == [
        ("echo 1", None, "1\n", True), ("echo 2", None, "2\n", True), ("(exit 3)", 3, "", True),
    ]  # fmt: skip


async def test_what_is_typed_meanwhile_is_no_output(keys: Keyboard) -> None:
    keys.press("sleep 0.3; echo one\recho two\r")
    await keys.until(lambda: len(keys.ended) == 2 and keys.at_prompt)
    assert [(one.text, one.alone) for one in keys.ended] == [("sleep 0.3; echo one", False), ("echo two", True)]
    assert keys.ended[1].output == "two\n"


async def test_without_its_prompt_command_a_shell_tells_no_status(keys: Keyboard) -> None:
    keys.press("unset PROMPT_COMMAND\r")
    await keys.until(lambda: keys.ended and keys.at_prompt)
    keys.press("false\r")
    await keys.until(lambda: len(keys.ended) == 2)
    assert [(one.text, one.status, one.alone) for one in keys.ended] == [
        ("unset PROMPT_COMMAND", None, False), ("false", None, False),
    ]  # fmt: skip


async def test_another_kind_of_shell_marks_nothing(keys: Keyboard) -> None:
    keys.press("exec sh\r")
    await keys.until(lambda: len(keys.began) == 1 and keys.shown.endswith((b"# ", b"$ ")))
    keys.press("echo unseen\r")
    await keys.until(lambda: keys.shown.count(b"unseen") == 2)
    assert keys.typing.blind == "`exec sh` takes what is typed now"
    keys.press("exit 3\r")
    assert await keys.shell.wait() == 3
    await keys.until(lambda: keys.ended)
    assert [(one.text, one.status, one.alone) for one in keys.ended] == [("exec sh", None, False)]


async def test_what_is_no_terminal_gets_no_mark(node: SshNode, keys: Keyboard) -> None:
    for command in ("bash -lc 'echo plain'", "bash -ic 'echo plain'", "echo 'echo plain' | bash -i"):
        done = await node.run(command)
        assert "plain" in done.stdout
        assert "\x1b]" not in done.stdout + done.stderr
    assert (await keys.enter("bash -c 'echo plain' | cat -v")).output == "plain\n"
    assert (await keys.enter("TERM=dumb bash -c 'echo plain' | cat -v")).output == "plain\n"
