"""What a room sees in a real Chromium of a real console in a terminal, and that it can do nothing but vote."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import chromium
from tests.terminal import Terminal

pytestmark = pytest.mark.xdist_group("browser")

ROOT = Path(__file__).parents[2]
CONSOLE = [sys.executable, "-m", "tests.fake_lab.console"]
SIZE = (110, 32)
LIMIT = 20_000
"""Milliseconds until something is seen."""


class Presenter:
    """A console in a terminal that is always read, and `pghalab serve` beside it; either can be started again."""

    def __init__(self, state: Path) -> None:
        self._env = {"PYTHONPATH": str(ROOT), "PGHALAB_STATE_DIR": str(state)}
        self.serve()
        self.open()

    def serve(self) -> None:
        """Serve a room."""
        argv = [sys.executable, "-u", "-m", "pghalab", "serve"]
        env = {**os.environ, **self._env}
        self._server = subprocess.Popen(argv, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE)
        assert self._server.stdout is not None
        self.url = next(line for line in self._server.stdout if "http://" in line).strip()

    def end_serving(self) -> None:
        """The server is killed."""
        self._server.kill()
        self._server.wait()

    def open(self) -> None:
        """Open the console."""
        self.terminal = Terminal(CONSOLE, columns=SIZE[0], rows=SIZE[1], env=self._env)
        self.terminal.wait_for("Starting etcd")
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        # A terminal that nobody reads makes the console wait.
        while not self._over.is_set():
            self.terminal.read(0.05)

    def close(self) -> None:
        """Leave the console."""
        self._over.set()
        self._reader.join()
        self.terminal.__exit__(None, None, None)

    def press(self, keys: str) -> None:
        """Type at the console."""
        self.terminal.press(keys)

    def signal(self, number: signal.Signals) -> None:
        """Send the console a signal that it goes on after."""
        os.kill(self.terminal.pid, number)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def presenter(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Presenter]:
    made = Presenter(tmp_path_factory.mktemp("state"))
    yield made
    made.close()
    made.end_serving()


@pytest.fixture
def page(browser: Browser, presenter: Presenter) -> Iterator[Page]:
    """A page that shows the console, and has nothing to complain of in the end."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    made = context.new_page()
    complaints: list[str] = []
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    expect.set_options(timeout=LIMIT)
    made.goto(presenter.url)
    expect(made.locator("#state")).to_have_text("live")
    yield made
    context.close()
    assert complaints == []


def screen(page: Page) -> str:
    """The text of the screen, as a person would read it."""
    return "\n".join(row.rstrip() for row in page.locator("#screen .row").all_inner_texts())


def test_the_text_is_seen_as_it_changes_and_who_comes_late_sees_all_of_it(
    page: Page, presenter: Presenter, browser: Browser
) -> None:
    expect(page.locator("#screen")).to_contain_text("Starting etcd")
    assert len(page.locator("#screen .row").all()) == SIZE[1]
    presenter.press("?")
    expect(page.locator("#screen")).to_contain_text("goes on where you left")
    late = browser.new_page()
    late.goto(presenter.url)
    expect(late.locator("#screen")).to_contain_text("goes on where you left")
    assert screen(late) == screen(page)
    presenter.press("?")
    for one in (page, late):
        expect(one.locator("#screen")).not_to_contain_text("goes on where you left")
        expect(one.locator("#screen")).to_contain_text("Starting etcd")
    late.close()


def test_what_is_typed_in_the_browser_has_no_effect(page: Page, presenter: Presenter) -> None:
    expect(page.locator("#screen")).to_contain_text("Starting etcd")
    before = screen(page)
    page.locator("#screen").click()
    for key in ("?", "q", "l", "Enter", "F1", "Escape", "Tab", "Control+q", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.type("rm -rf /")
    page.evaluate("fetch('stream', {method: 'POST', body: 'x'})")
    page.evaluate("fetch('keys', {method: 'POST', body: 'x'})")
    # What the presenter types is seen after that, and nothing else has changed.
    presenter.press("?")
    expect(page.locator("#screen")).to_contain_text("goes on where you left")
    presenter.press("?")
    expect(page.locator("#screen")).not_to_contain_text("goes on where you left")
    assert screen(page) == before


def test_another_token_or_none_shows_nothing(page: Page, presenter: Presenter, browser: Browser) -> None:
    token = presenter.url.split("/")[3]
    stranger = browser.new_page()
    for url in (presenter.url.replace(token, "0" * 40), presenter.url.replace(f"{token}/", "")):
        answer = stranger.goto(url)
        assert answer is not None and answer.status == 403
        expect(stranger.locator("body")).to_contain_text("Ask the presenter")
        expect(stranger.locator("body")).not_to_contain_text("Starting etcd")
    stranger.close()


def test_a_question_is_voted_on_and_the_presenter_sees_the_count(page: Page, presenter: Presenter) -> None:
    expect(page.locator("#question")).to_be_hidden()
    presenter.signal(signal.SIGUSR1)
    expect(page.locator("#asked")).to_have_text("How many of five may fail?")
    page.get_by_role("button", name="two").click()
    expect(page.get_by_role("button", name="two")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#screen")).to_contain_text("votes for quorum: 0, 1, 0")
    page.reload()
    expect(page.get_by_role("button", name="two")).to_have_attribute("aria-pressed", "true")
    presenter.signal(signal.SIGUSR2)
    expect(page.locator("#question")).to_be_hidden()


def test_commands_are_there_to_be_copied_and_passwords_are_not_shown(page: Page, presenter: Presenter) -> None:
    presenter.press("c")
    expect(page.locator("#screen")).to_contain_text("What is read")
    presenter.press("s")
    expect(page.locator("#screen")).to_contain_text("postgres@pgha1")
    presenter.press("PGPASSWORD=hunter2 psql -h pgha1\r")
    expect(page.locator("#commands li")).to_have_count(1)
    expect(page.locator("#commands pre")).to_have_text("PGPASSWORD=(removed) psql -h pgha1")
    expect(page.locator("#screen")).to_contain_text("PGPASSWORD=••••••• psql -h pgha1: well")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "PGPASSWORD=(removed) psql -h pgha1"
    assert "hunter2" not in page.content()
    presenter.press("\x1d\x1b")
    expect(page.locator("#screen")).to_contain_text("Starting etcd")


def test_it_pauses_while_the_console_is_closed_and_goes_on_by_itself(page: Page, presenter: Presenter) -> None:
    expect(page.locator("#screen")).to_contain_text("Starting etcd")
    presenter.close()
    expect(page.locator("#state")).to_have_text("paused")
    expect(page.locator("#paused")).to_contain_text("console is closed")
    expect(page.locator("body")).not_to_contain_text("Traceback")
    presenter.open()
    expect(page.locator("#state")).to_have_text("live")
    expect(page.locator("#paused")).to_be_hidden()
    presenter.press("?")
    expect(page.locator("#screen")).to_contain_text("goes on where you left")
    presenter.press("?")


def test_it_finds_a_server_that_was_started_again(page: Page, presenter: Presenter) -> None:
    url = presenter.url
    presenter.end_serving()
    expect(page.locator("#state")).to_have_text("no connection")
    presenter.serve()
    assert presenter.url == url
    expect(page.locator("#state")).to_have_text("live")
    expect(page.locator("#screen")).to_contain_text("Starting etcd")


def test_another_size_of_the_terminal_and_one_that_is_too_small(page: Page, presenter: Presenter) -> None:
    presenter.terminal.resize(90, 20)
    expect(page.locator("#screen .row")).to_have_count(20)
    expect(page.locator("#screen")).to_contain_text("Starting etcd")
    presenter.terminal.resize(12, 4)
    expect(page.locator("#paused")).to_contain_text("too small")
    presenter.terminal.resize(*SIZE)
    expect(page.locator("#state")).to_have_text("live")
    expect(page.locator("#screen .row")).to_have_count(SIZE[1])
    expect(page.locator("#screen")).to_contain_text("Starting etcd")


def test_it_fits_a_phone(browser: Browser, presenter: Presenter) -> None:
    phone = browser.new_page(viewport={"width": 360, "height": 740}, has_touch=True)
    phone.goto(presenter.url)
    expect(phone.locator("#screen")).to_contain_text("Starting etcd")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the phone"
    assert phone.evaluate(
        "document.getElementById('frame').scrollWidth <= document.getElementById('frame').clientWidth"
    )
    before = _letters(phone)
    phone.get_by_role("button", name="Larger text").click()
    assert _letters(phone) >= 14 > before
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the screen scrolls by itself"
    phone.close()


def _letters(page: Page) -> float:
    """Pixels."""
    size = page.locator("#screen").evaluate("element => element.style.fontSize")
    (found,) = re.findall(r"[\d.]+", size)
    return float(found)
