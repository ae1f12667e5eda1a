"""A show over the lab in memory: what each key does, what goes on by itself, and what stops it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pghalab.lab.types import Ended, LabError, LinkChanged, Output
from pghalab.session import rechecks
from pghalab.session.demo.moving import SNAPSHOT
from pghalab.session.demo.pace import Tempo
from pghalab.session.demo.program import Program, chosen, onward
from pghalab.session.demo.show import STAND, Show
from pghalab.session.demo.standing import Phase, Standing
from pghalab.session.events import Noticed, QuestionHidden, QuestionShown, ShowMoved, VotesCounted
from pghalab.session.session import Session
from tests.fake_lab.backend import Bench
from tests.fake_lab.board import BashTerminal, FakeBoard
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.node import FakeNode
from tests.fake_lab.sources import FakeSources
from tests.shipped import shipped_course
from tests.unit.test_session import READ, START, Told, opened

QUESTION = """id: quorum
kind: question
question:
  text: How many may fail?
  choices:
    - {text: one, explain: Not so.}
    - {text: two, explain: So it is., right: true}"""
PRINTS = """id: prints
kind: command
node: pgha2
user: root
command: |
  for node in 1 2; do
  echo $node
  done
checks:
  - output: {contains: ["1", "2"]}
    within: 0.3"""
EVERYWHERE = """id: everywhere
kind: command
node: all
command: hostname
no_check: it only shows"""
WAITS = """id: waits
kind: wait
checks:
  - process: {on: [pgha1], name: etcd, user: postgres}
    within: 0.2"""
GUARDED = """id: guarded
kind: command
node: pgha1
command: rm -rf /pgdata/17/data
guard:
  - process: {on: [pgha1], name: etcd, running: false}
    otherwise: End it first.
guard_reason: It would take the data of a server that runs.
no_check: it empties a directory"""


class Hall:
    """A show, its board and its clock."""

    def __init__(self, bench: Bench, session: Session, told: Told, **options: Any) -> None:
        self.bench, self.session, self.told = bench, session, told
        self.now = 1000.0
        course = session.state.course
        assert course is not None
        self.board = FakeBoard(session)
        tempo = options.pop("tempo", Tempo(1.0, 0.0))
        self.show = Show(
            session, Program(course, course.lessons), self.board, tempo=tempo, clock=lambda: self.now,
            random=Random(1), **options,
        )  # fmt: skip

    @property
    def standing(self) -> Standing:
        """What the presenter was told last."""
        return [event for event in self.told.events if isinstance(event, ShowMoved)][-1].standing

    @property
    def shell(self) -> BashTerminal:
        """The shell in front."""
        assert self.board.front is not None
        found = self.bench.lab.nodes[self.board.front.node].shells[-1]
        assert isinstance(found, BashTerminal)
        return found

    async def until(self, holds: Callable[[], object], times: float = 1.0) -> None:
        """The clock goes on as it does, or so many times as fast, until something is so."""
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.01)
                self.now += 0.01 * times
                self.show.tick()

    def is_at(self, phase: Phase) -> bool:
        """The show is in this phase."""
        return self.show.phase == phase

    async def comes(self, phase: Phase, step: str = "") -> None:
        # Patience ends sooner than it would; what is to be seen in time has its time.
        times = 20.0 if phase == "stopped" else 1.0
        await self.until(lambda: self.is_at(phase) and step in ("", self.show.step.id), times)

    def passes(self, seconds: float) -> None:
        """So much time passes at once."""
        self.now += seconds
        self.show.tick()

    async def runs(self) -> None:
        """The step at hand is shown up to its command."""
        for phase in ("ready", "running"):
            self.show.next()
            if phase == "ready":
                await self.until(lambda: self.show.performing.comes_out)
                self.show.next()
            await self.comes(phase)


@pytest.fixture
def bench(tmp_path: Path, lab: FakeLab, sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rechecks, "CONFIRM", 0.01)
    made = Bench(tmp_path / "state", lab, sources)

    def obeys(line: str) -> str:
        if "start etcd" in line:
            lab.nodes["pgha1"].processes["etcd"] = "postgres"
        return "1\n2\n" if "echo" in line else ""

    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(obeys))
    monkeypatch.setattr(BashTerminal, "slow", False)
    for node in lab.nodes.values():
        node.opens = BashTerminal
    return made


@asynccontextmanager
async def hall(bench: Bench, *steps: str, **options: Any) -> AsyncIterator[Hall]:
    async with opened(bench, *steps) as (session, told):
        made = Hall(bench, session, told, **options)
        made.show.begin()
        try:
            yield made
        finally:
            made.show.close()


async def test_a_step_is_said_typed_entered_and_seen(bench: Bench) -> None:
    async with hall(bench, START, READ) as at:
        await at.comes("say")
        assert at.standing.does == "types the command" and at.standing.command is not None
        assert (at.standing.command.who, at.standing.command.text) == ("postgres@pgha1", "start etcd")
        assert at.session.state.shown == "start", "what is typed counts for the step that the room sees"
        at.show.next()
        await at.until(lambda: at.show.performing.comes_out)
        assert at.is_at("typing") and at.shell.typed == b""
        at.passes(0.3)
        assert 0 < len(at.shell.typed) < len("start etcd") and b"start etcd".startswith(at.shell.typed)
        await at.comes("ready")
        assert at.shell.typed == b"start etcd" and at.standing.does == "Enter"
        at.show.next()
        await at.comes("seen")
        assert at.shell.entered == ["start etcd"] and at.session.state.steps["start"] == "done"
        assert [(held.check, held.ok) for held in at.standing.checks] == [("etcd runs", True)]
        assert [command.text for command in at.standing.commands] == ["start etcd"]
        assert bench.runner.ran == [], "nothing was run by the console"
        at.show.next()
        await at.comes("say", "read")
        assert at.standing.does == "ends the show" and at.standing.next_step == ""
        at.show.next()
        assert at.is_at("over") and at.standing.remaining == 0.0
        assert at.session.state.steps["read"] == "done"


async def test_a_command_of_several_lines_stands_there_whole_before_it_is_entered(bench: Bench) -> None:
    async with hall(bench, PRINTS) as at:
        await at.comes("say")
        at.show.next()
        await at.until(lambda: at.show.performing.comes_out)
        at.show.next()
        assert at.is_at("ready") and at.shell.entered == []
        await at.until(lambda: at.shell.line.count(b"\n") == 2)
        at.show.next()
        await at.comes("seen")
        assert at.shell.who[1:] == ("root", "pgha2") and len(at.shell.entered) == 1


async def test_what_only_prints_is_shown_once_more_and_judged_by_what_it_prints_now(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hall(bench, PRINTS) as at:
        await at.comes("say")
        await at.runs()
        await at.comes("seen")
        monkeypatch.setattr(BashTerminal, "obeys", staticmethod(lambda line: "nothing\n"))
        at.show.begin()
        await at.comes("say")
        assert at.session.state.steps.get("prints") == "done"
        await at.runs()
        await at.comes("stopped")
        assert at.session.state.steps.get("prints") == "todo"


async def test_a_step_that_holds_already_is_not_done_twice_unless_that_is_wanted(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
    async with hall(bench, START) as at:
        await at.comes("say")
        assert at.standing.does == "shows that it holds already"
        assert "What this step makes is there already: nothing will move." in at.standing.warnings
        at.show.next()
        assert at.is_at("seen") and at.board.front is None
        at.show.again()
        await at.until(lambda: at.show.performing.comes_out)
        at.show.next()
        at.show.next()
        await at.comes("seen")
        assert at.shell.entered == ["start etcd"]


async def test_what_is_only_remembered_to_be_done_is_shown_where_it_was_seen_not_to_hold(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A second look, by which it is told to be broken, does not come before the show does.
    monkeypatch.setattr(rechecks.Rechecks, "_confirm", lambda self, broken, looked_at: False)
    bench.done = ["start"]
    async with hall(bench, READ, START) as at:
        await at.comes("say")
        await at.until(lambda: at.session.state.results.get("start"))
        assert at.session.state.steps["start"] == "done" and not at.session.state.settled("start")
        assert at.standing.warnings == (), "the next step has something to make"
        at.show.next()
        await at.comes("say", "start")
        assert at.standing.does == "types the command"
        at.show.next()
        await at.until(lambda: at.show.performing.comes_out)


@pytest.mark.parametrize("is_there", [True, False])
async def test_what_was_not_looked_at_yet_is_looked_at_before_it_is_typed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    if is_there:
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
    monkeypatch.setattr(rechecks.Rechecks, "_begin", lambda self, delay: None)
    monkeypatch.setattr(Bench, "opened", property(lambda self: True))
    bench.done = ["start"]
    async with hall(bench, START) as at:
        await at.comes("say")
        assert at.session.state.results == {} and at.session.state.steps["start"] == "done"
        at.show.next()
        at.show.next()
        if is_there:
            await at.comes("seen")
            assert at.board.front is None
        else:
            await at.until(lambda: at.show.performing.comes_out)


async def test_what_runs_on_every_node_or_waits_is_run_by_the_console(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
    for node in bench.lab.nodes.values():
        node.script = lambda node, command: [Output("stdout", f"{node.name}\n"), Ended("exited", 0, 0.1)]
    async with hall(bench, EVERYWHERE, WAITS) as at:
        await at.comes("say")
        assert at.standing.does == "gets it ready"
        at.show.next()
        await at.comes("ready")
        at.show.next()
        await at.comes("seen")
        assert [ran.step for ran in bench.runner.ran] == ["everywhere"] and at.board.front is None
        assert at.standing.commands[-1].who == "postgres on every node"
        bench.lab.nodes["pgha1"].processes.clear()
        await bench.runner.evaluate()
        at.session.state.take_steps()
        at.show.next()
        await at.comes("say", "waits")
        at.show.again()
        await at.comes("running")
        await at.comes("stopped")
        assert "etcd is not running on pgha1" in at.standing.warnings[0]


async def test_a_question_is_shown_revealed_and_counted(bench: Bench) -> None:
    async with hall(bench, QUESTION, READ) as at:
        await at.comes("say")
        await at.until(lambda: at.standing.question is not None)
        shown = [event for event in at.told.events if isinstance(event, QuestionShown)]
        assert shown == [QuestionShown("quorum", "How many may fail?", ("one", "two"))]
        at.session.bus.publish(VotesCounted("another", (9, 9)))
        at.session.bus.publish(VotesCounted("quorum", (1, 3)))
        asked = at.standing.question
        assert asked is not None and (asked.votes, asked.revealed, asked.right) == ((1, 3), False, 1)
        assert QuestionHidden("quorum") not in at.told.events
        at.show.next()
        assert at.is_at("seen") and QuestionHidden("quorum") in at.told.events
        asked = at.standing.question
        assert asked is not None and asked.revealed and asked.votes == (1, 3)
        assert at.session.state.steps["quorum"] == "done"
        at.show.next()
        await at.comes("say", "read")
        assert at.standing.question is None and at.show.votes == ()


async def test_a_question_that_is_left_is_no_longer_asked(bench: Bench) -> None:
    async with hall(bench, QUESTION, READ) as at:
        await at.comes("say")
        at.show.skip()
        await at.comes("say", "read")
        assert at.told.events.count(QuestionHidden("quorum")) == 1 and at.session.state.steps["quorum"] == "todo"


async def test_looking_back_undoes_nothing_and_leads_forward_again(bench: Bench) -> None:
    async with hall(bench, START, READ) as at:
        await at.comes("say")
        await at.runs()
        await at.comes("seen")
        at.show.next()
        await at.comes("say", "read")
        seen = []
        for _ in range(4):
            at.show.back()
            seen.append((at.standing.looking, at.show.trail.page))
        assert seen == [("start", (0, "seen")), ("start", (0, "say")), ("start", (0, "say")), ("start", (0, "say"))]
        assert at.standing.does == "looks at the next page" and at.show.held
        at.show.next()
        assert at.show.trail.page == (0, "seen") and at.show.step.id == "read"
        at.show.next()
        assert at.standing.looking == "" and at.is_at("say")
        assert at.shell.entered == ["start etcd"]
        at.show.back()
        assert at.show.present() and at.standing.looking == "" and not at.show.present()


async def test_the_words_of_a_step_are_looked_back_at_while_its_command_stands_there(bench: Bench) -> None:
    async with hall(bench, START) as at:
        await at.comes("say")
        at.show.back()
        assert at.standing.looking == "", "there is nothing before the first page"
        at.show.next()
        await at.until(lambda: at.show.performing.comes_out)
        at.show.back()
        assert at.show.trail.page == (0, "say")
        typed = at.shell.typed
        at.passes(30.0)
        assert at.shell.typed == typed, "nothing is typed while the room looks elsewhere"
        at.show.next()
        assert at.standing.looking == "" and at.is_at("typing")
        await at.comes("ready")
        assert at.shell.typed == b"start etcd"


async def test_pause_black_and_the_panes_hold_what_goes_on_by_itself(bench: Bench) -> None:
    async with hall(bench, START) as at:
        await at.comes("say")
        at.show.next()
        await at.until(lambda: at.show.performing.comes_out)
        for switch in (at.show.pause, at.show.darken, at.show.panes):
            switch()
            at.passes(9.0)
            assert at.shell.typed == b"" and at.is_at("typing")
            switch()
        at.show.darken()
        assert at.standing.black and at.standing.does == "shows the step again"
        at.show.next()
        assert not at.standing.black and at.shell.typed == b"" and at.is_at("typing")
        at.show.panes()
        at.show.back()
        assert not at.show.cluster and at.standing.looking == ""
        at.show.pause()
        at.show.next()
        assert not at.standing.paused and at.is_at("ready")


async def test_each_key_brings_out_one_character_until_it_stands_there(bench: Bench) -> None:
    async with hall(bench, START) as at:
        at.show.type_by_keys()
        await at.comes("say")
        assert not at.show.keystroke()
        at.show.next()
        await at.until(lambda: at.show.performing.comes_out)
        at.passes(30.0)
        assert at.shell.typed == b""
        for _ in "start et":
            assert at.show.keystroke()
        assert at.shell.typed == b"start et" and at.is_at("typing")
        assert at.show.keystroke() and at.show.keystroke() and not at.show.keystroke()
        assert at.is_at("ready") and at.shell.typed == b"start etcd" and at.shell.entered == []


async def test_faster_and_slower_change_the_typing_at_hand(bench: Bench) -> None:
    async with hall(bench, START) as at:
        await at.comes("say")
        at.show.next()
        await at.until(lambda: at.show.performing.comes_out)
        wait = at.show.tick()
        at.show.faster()
        assert at.show.tick() == pytest.approx(wait / 1.25) and at.standing.speed == 1.25
        at.show.slower()
        at.show.slower()
        assert at.standing.speed == 0.8


async def test_it_goes_on_by_itself_a_page_at_a_time(bench: Bench) -> None:
    words = "id: read\nkind: read\npause: 60"
    async with hall(bench, words, START, auto=True) as at:
        await at.until(lambda: at.is_at("say"))
        at.board.pages = 3
        at.passes(0.2)
        assert at.board.page == 1
        at.passes(20.0)
        assert at.board.page == 2
        at.passes(10.0)
        assert at.board.page == 2
        at.show.pause()
        at.passes(500.0)
        at.show.pause()
        assert at.board.page == 2 and at.show.step.id == "read"
        at.passes(10.1)
        assert at.board.page == 3
        at.passes(20.1)
        await at.comes("say", "start")
        at.passes(60.0)
        at.passes(60.0)
        await at.until(lambda: at.show.performing.comes_out)
        at.passes(20.0)
        assert at.is_at("ready")
        at.passes(1.1)
        await at.comes("seen")
        at.passes(60.0)
        at.passes(60.0)
        assert at.is_at("over")


async def test_at_once_nothing_waits_but_for_the_lab(bench: Bench) -> None:
    async with hall(bench, READ, START, PRINTS, QUESTION, auto=True, tempo=Tempo(instant=True)) as at:
        began = at.now
        await at.comes("over")
        assert at.now - began < 10
        assert {state for state in at.session.state.steps.values()} == {"done"}
        texts = [command.text for command in at.standing.commands]
        assert texts == ["start etcd", "for node in 1 2; do\necho $node\ndone"]


async def test_a_step_whose_checks_do_not_hold_stops_the_show_and_only_the_presenter_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(lambda line: ""))
    async with hall(bench, START, READ, auto=True) as at:
        await at.comes("say")
        await at.runs()
        await at.comes("stopped")
        assert at.standing.warnings[0] == "etcd is not running on pgha1 (wanted etcd runs: running as postgres)."
        assert at.standing.does == "goes on all the same"
        at.passes(600.0)
        assert at.is_at("stopped"), "the presenter decides"
        # Run again, by the key that looks back as by the one for it: the checks are looked at anew.
        at.show.back()
        assert at.is_at("say") and not any("etcd" in warning for warning in at.standing.warnings)
        monkeypatch.undo()
        at.bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        await at.runs()
        await at.comes("seen")


async def test_it_goes_on_all_the_same_or_is_run_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(lambda line: ""))
    async with hall(bench, START, READ) as at:
        await at.comes("say")
        await at.runs()
        await at.comes("stopped")
        at.show.again()
        await at.until(lambda: at.show.performing.comes_out)
        at.show.next()
        at.show.next()
        await at.comes("stopped")
        assert at.shell.entered == ["start etcd"] * 2
        at.show.next()
        assert at.is_at("seen") and at.standing.warnings[:1] != ("",)
        at.show.next()
        await at.comes("say", "read")


async def test_what_went_wrong_is_mended_by_the_console(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(lambda line: ""))

    def starts(node: FakeNode, command: str) -> list[Output | Ended]:
        node.processes["etcd"] = "postgres"
        return [Ended("exited", 0, 0.1)]

    async with hall(bench, START, READ) as at:
        await at.comes("say")
        await at.runs()
        await at.comes("stopped")
        at.show.mend()
        assert at.is_at("moving")
        await at.comes("stopped")
        assert "Jump: failed" in at.standing.warnings[0], "nothing starts etcd yet"
        bench.lab.nodes["pgha1"].script = starts
        at.show.mend()
        await at.comes("seen")
        assert at.session.state.steps["start"] == "done" and at.show.step.id == "start"


async def test_the_last_step_of_the_course_is_mended_by_running_it(bench: Bench, monkeypatch: Any) -> None:
    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(lambda line: ""))
    async with hall(bench, START) as at:
        await at.comes("say")
        await at.runs()
        await at.comes("stopped")
        bench.lab.nodes["pgha1"].script = lambda node, command: (
            node.processes.update(etcd="postgres"), [Ended("exited", 0, 0.1)],
        )[1]  # fmt: skip
        at.show.mend()
        await at.comes("seen")
        assert [ran.step for ran in bench.runner.ran] == ["start"]


async def test_a_node_that_dies_on_stage_stops_the_show(bench: Bench) -> None:
    async with hall(bench, START) as at:
        await at.comes("say")
        at.show.next()
        await at.comes("ready")
        node = bench.lab.nodes["pgha1"]
        node.link, node.link_reason = "down", "ssh does not answer"
        bench.lab.tell(LinkChanged("pgha1", "down", node.link_reason))
        at.shell.end(None)
        await at.until(lambda: at.board.trouble)
        at.show.next()
        await at.comes("stopped")
        assert at.standing.warnings[0] == "ssh does not answer" and at.standing.phase == "stopped"


async def test_a_shell_that_is_lost_under_a_command_stops_the_show(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BashTerminal, "slow", True)
    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(lambda line: ""))
    async with hall(bench, START) as at:
        await at.comes("say")
        await at.runs()
        node = bench.lab.nodes["pgha1"]
        node.link, node.link_reason = "down", "ssh does not answer"
        bench.lab.tell(LinkChanged("pgha1", "down", node.link_reason))
        at.shell.end(None)
        await at.comes("stopped")
        assert at.standing.warnings[0] == "ssh does not answer"


async def test_no_shell_can_be_had_on_a_node_that_is_gone(bench: Bench) -> None:
    bench.lab.put("exited", "pgha1")
    async with hall(bench, START) as at:
        await at.comes("say")
        at.show.next()
        await at.comes("stopped")
        assert at.standing.warnings[0] == "The shell shows no prompt."


async def test_a_command_that_does_not_end_stops_the_show_in_its_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BashTerminal, "slow", True)
    async with hall(bench, START.replace("command: start", "timeout: 20\ncommand: start"), READ) as at:
        await at.comes("say")
        await at.runs()
        at.passes(24.0)
        assert at.is_at("running")
        at.passes(2.0)
        await at.comes("stopped")
        assert at.standing.warnings[0] == "The command has not ended within 25 s."
        at.show.skip()
        await at.comes("say", "read")


async def test_a_guard_keeps_the_show_from_doing_harm(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
    async with hall(bench, GUARDED) as at:
        await at.comes("say")
        at.show.next()
        await at.comes("stopped")
        assert at.standing.warnings[0].startswith("It would take the data of a server that runs. Seen: etcd runs")
        assert at.board.front is None, "nothing was typed"
        bench.lab.nodes["pgha1"].processes.clear()
        at.show.back()
        at.show.next()
        await at.until(lambda: at.show.performing.comes_out)
        at.show.next()
        # Minutes may pass while it stands there.
        bench.lab.nodes["pgha1"].processes["etcd"] = "postgres"
        at.show.next()
        await at.comes("stopped")
        assert at.shell.entered == []
        at.show.skip()
        await at.until(lambda: at.shell.line == b"")


async def test_the_presenter_takes_the_shell_and_gives_it_back(bench: Bench) -> None:
    async with hall(bench, START) as at:
        await at.comes("say")
        at.show.next()
        await at.until(lambda: at.show.performing.comes_out)
        at.passes(0.3)
        at.show.lend()
        assert at.standing.own_shell
        at.passes(9.0)
        assert at.is_at("typing")
        at.show.take_back(touched=False)
        at.show.lend()
        assert at.board.front is not None
        at.board.front.write(b" something else")
        at.show.take_back(touched=True)
        await at.until(lambda: at.show.performing.comes_out)
        assert at.shell.line == b"", "what was typed before is taken back"
        at.show.lend()
        at.board.front.write(b"\x03start etcd\r")
        await at.until(lambda: at.session.state.steps["start"] == "done")
        at.show.take_back(touched=True)
        assert at.is_at("seen") and at.shell.entered == ["start etcd"]


async def test_it_jumps_to_a_place_of_the_course_and_only_there(bench: Bench) -> None:
    async with hall(bench, START, READ, QUESTION) as at:
        await at.comes("say")
        bench.lab.nodes["pgha1"].script = lambda node, command: (
            node.processes.update(etcd="postgres"), [Ended("exited", 0, 0.1)],
        )[1]  # fmt: skip
        at.show.jump("quorum")
        assert at.is_at("moving")
        at.show.jump("read")
        assert at.show.step.id == "quorum", "one way at a time"
        await at.comes("say", "quorum")
        assert at.session.state.steps["start"] == "done"
        with pytest.raises(KeyError):
            at.show.jump("nowhere")


async def test_a_way_that_cannot_be_gone_stops_the_show_before_the_step(bench: Bench) -> None:
    bench.lab.nodes["pgha1"].script = lambda node, command: [Ended("exited", 1, 0.1)]
    async with hall(bench, START, READ) as at:
        await at.comes("say")
        at.show.jump("read")
        await at.comes("stopped")
        assert "Jump: failed" in at.standing.warnings[0] and at.show.trail.page is None
        at.show.back()
        assert at.is_at("moving"), "it is tried again"
        await at.comes("stopped")
        at.show.next()
        await at.comes("say", "read")


async def test_it_begins_anew_from_the_lab_as_it_was(bench: Bench) -> None:
    async with hall(bench, START, READ, loop=True, tempo=Tempo(instant=True)) as at:
        await at.until(lambda: "restore" in " ".join(bench.lab.acted))
        own = [verb for verb in bench.lab.acted if SNAPSHOT in verb]
        assert own[:2] == [f"snapshot {SNAPSHOT}", f"restore {SNAPSHOT}"]
        before = at.now
        await at.until(lambda: bench.lab.acted.count(f"restore {SNAPSHOT}") == 2)
        assert bench.lab.acted.count(f"snapshot {SNAPSHOT}") == 1, "it is kept once for a show"
        assert at.standing.elapsed <= at.now - before
    async with hall(bench, START, loop=True, tempo=Tempo(instant=True)) as at:
        await at.until(lambda: at.show.phase != "moving")
        assert f"remove snapshot {SNAPSHOT}" in bench.lab.acted, "an earlier show left it"


async def test_a_stand_without_anybody_begins_anew_after_a_while_when_a_step_goes_wrong(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BashTerminal, "obeys", staticmethod(lambda line: ""))
    async with hall(bench, START, loop=True, tempo=Tempo(instant=True)) as at:
        await at.comes("stopped")
        at.passes(STAND - 1)
        assert at.is_at("stopped")
        at.passes(2.0)
        await at.until(lambda: f"restore {SNAPSHOT}" in bench.lab.acted)


async def test_what_the_console_tells_is_for_the_presenter(bench: Bench) -> None:
    async with hall(bench, START) as at:
        await at.comes("say")
        for number in range(5):
            at.session.bus.publish(Noticed(f"word {number}", "warning"))
        assert at.standing.warnings[-3:] == ("word 2", "word 3", "word 4")


async def test_a_console_that_only_looks_shows_nothing(bench: Bench) -> None:
    bench.driver = "The lab is driven by another console."
    async with hall(bench, START) as at:
        await at.comes("stopped")
        assert "only looks" in at.standing.warnings[0]


async def test_time_stands_beside_what_is_planned(bench: Bench) -> None:
    async with hall(bench, READ, START) as at:
        await at.comes("say")
        assert at.standing.planned == pytest.approx(300.0) == at.standing.remaining, "the lesson's five minutes"
        at.passes(61.5)
        assert at.standing.elapsed == pytest.approx(61, abs=1)
        at.show.next()
        await at.comes("say", "start")
        assert 0 < at.standing.remaining < 300


def test_lessons_are_chosen_by_id_or_number_in_the_order_of_the_course() -> None:
    course = shipped_course()
    assert [lesson.number for lesson in chosen(course, ["etcd-start", "7"]).lessons] == [7, 8]
    assert chosen(course, []).lessons == course.lessons
    with pytest.raises(LabError, match="no lesson `70`") as error:
        chosen(course, ["7", "70"])
    assert "7 etcd-config" in str(error.value)
    assert [lesson.number for lesson in onward(course, course.step("etcd-nodelist")).lessons][:2] == [7, 8]
    program = chosen(course, ["7", "9"])
    first = program.find("patroni-config")
    assert first is not None and not program.follows(first) and program.follows(first + 1) and not program.follows(0)
    assert program.with_lesson(course.lessons[7]).lessons == course.lessons[6:9]
    assert program.find("etcd-start") is None
