"""Every action of the console that has a key, once: bindings, footer, help, palette and keymap are made from this."""

from __future__ import annotations

from typing import NamedTuple


class Action(NamedTuple):
    """Something that keys do in one place of the console."""

    name: str
    keys: str
    """Separated by commas, each as Textual names it; the first one is shown."""
    does: str
    """What Textual calls, in the screen or widget of the place."""
    words: str = ""
    """What the footer, the help and the palette say; an action without any is in none of them."""
    shown: bool = True
    """It stands in the line at the bottom."""
    first: bool = False
    """It comes before what the focused widget does with the key."""


class Place(NamedTuple):
    """A screen, a dialog or a widget with keys of its own."""

    title: str
    within: tuple[str, ...]
    """The places around it, whose keys work there too."""
    actions: tuple[Action, ...]


_SCREENS = ("home", "lesson", "live", "time", "end", "log", "wide", "lab", "doctor")

PLACES: dict[str, Place] = {
    "app": Place(
        "Everywhere",
        (),
        (
            Action("help", "question_mark,f1", "help", "Help"),
            Action("quit", "ctrl+q", "quit", "Quit", shown=False, first=True),
            Action("quit-letter", "Q", "quit", "Quit", shown=False),
            Action("take-over", "T", "take_over", "Drive the lab from here", shown=False),
            Action("shell", "exclamation_mark", "shell", "Shell on the whole screen", shown=False),
            Action("lab", "L", "lab_menu", "Lab", shown=False),
            Action("doctor", "D", "doctor", "Doctor", shown=False),
            Action("repair", "B", "repair", "Go to what is broken", shown=False),
            Action("room", "V", "room", "Let a room see this screen", shown=False),
            Action("paint", "ctrl+l", "refresh_screen", "Paint anew", shown=False),
        ),
    ),
    "home": Place(
        "Home",
        ("app",),
        (
            Action("continue", "c,f5", "go_on", "Continue"),
            Action("choose", "tab,o", "choose", "Choose"),
            Action("choose-list", "j,k", "choose_from", "To the lessons", shown=False),
            Action("choose-first", "g", "choose_from(0)", "To the first lesson", shown=False),
            Action("choose-last", "G", "choose_from(-1)", "To the last lesson", shown=False),
            Action("lab", "l,f6", "app.lab_menu", "Lab"),
            Action("doctor", "d,f7", "app.doctor", "Doctor"),
            Action("shell", "s,f3", "app.shell", "Shell"),
            Action("live", "v,f4", "watch", "Live"),
            Action("about", "a", "app.about", "About", shown=False),
            Action("recorded", "w", "app.replay", "The recorded course", shown=False),
            Action("stop", "x,f8", "stop", "Stop"),
            Action("quit", "Q", "app.quit", "Quit"),
        ),
    ),
    "lesson": Place(
        "A lesson",
        ("app",),
        (
            Action("onward", "enter", "onward", "Go on"),
            Action("stop", "x,f8", "stop_step", "Stop"),
            Action("run", "r,f5", "run_step", "Run"),
            Action("next", "n,full_stop", "next_step", "Next"),
            Action("previous", "p,comma", "previous_step", "Prev"),
            Action("hint", "h,f4", "hint", "Hint"),
            Action("shell", "s,f3", "shell", "Shell"),
            Action("type", "i,insert", "type_here", "Type it"),
            Action("wide", "w", "wide", "Wide"),
            Action("zoom", "z,f11", "zoom", "Zoom"),
            Action("left", "left", "sideways(-1)", "Output to the left", shown=False),
            Action("right", "right", "sideways(1)", "Output to the right", shown=False),
            Action("home", "escape,q", "home", "Home"),
            Action("edit", "e,f2", "edit_step", "Edit before running", shown=False),
            Action("copy", "y,f6", "copy_command", "Copy the command", shown=False),
            Action("copy-output", "Y", "copy_output", "Copy the output", shown=False),
            Action("log", "l,f9", "full_log", "Full log", shown=False),
            Action("expected", "o", "expected", "Expected output", shown=False),
            Action("look", "u,f7", "look", "Look at the checks again", shown=False),
            Action("elsewhere", "t", "run_elsewhere", "Take the free subnet", shown=False),
            Action("pause", "P", "pause", "Pause the live panes", shown=False),
            Action("time", "m", "app.time", "The cluster as it was", shown=False),
            Action("notes", "N", "notes", "Presenter's notes", shown=False),
            Action("skip", "S", "skip", "Skip an optional step", shown=False),
            Action("present", "v,shift+f5", "present", "Show to a room from here", shown=False),
            Action("next-lesson", "right_square_bracket", "lesson(1)", "Next lesson", shown=False),
            Action("previous-lesson", "left_square_bracket", "lesson(-1)", "Previous lesson", shown=False),
            Action("area-lesson", "1", "area('lesson')", "Lesson", shown=False),
            Action("area-outline", "3", "area('outline')", "Outline", shown=False),
            Action("area-shell", "4", "shell", "Shell", shown=False),
            Action("area-output", "8", "to_output", "What the step printed", shown=False),
            Action("another-shell", "plus", "another_shell", "Another shell", shown=False),
            Action("next-shell", "ctrl+pagedown", "shell_tab(1)", "Next shell", shown=False, first=True),
            Action("previous-shell", "ctrl+pageup", "shell_tab(-1)", "Previous shell", shown=False, first=True),
        ),
    ),
    "demo": Place(
        "A show before a room",
        (),
        (
            Action("next", "right,space,pagedown,enter", "next", "Go on"),
            Action("back", "left,pageup", "back", "Look back"),
            Action("black", "b,full_stop", "black", "Show nothing"),
            Action("out", "escape,q", "out", "To the step at hand, or end"),
            Action("pause", "p,f6", "pause", "Pause"),
            Action("again", "a,f5", "again", "Run again"),
            Action("mend", "m,f7", "mend", "Have it mended"),
            Action("skip", "S,f8", "skip", "Skip the step"),
            Action("faster", "plus,equals_sign", "faster", "Faster"),
            Action("slower", "minus,underscore", "slower", "Slower"),
            Action("jump", "j,f2", "jump", "Go to a lesson"),
            Action("shell", "s,f3", "own_shell", "A shell of your own"),
            Action("take", "t,f9", "take", "Take over the shell"),
            Action("cluster", "c,f4", "cluster", "The live panes"),
            Action("recorded", "r", "recorded", "The recorded run of what runs"),
            Action("by-keys", "K,f10", "by_keys", "Every key types"),
            Action("show-keys", "k", "show_keys", "Show the keys"),
            Action("why", "w", "why", "What is wrong"),
            Action("room", "V", "app.room", "Let a room see this screen"),
            Action("help", "question_mark,f1", "app.help", "Help"),
            Action("quit", "ctrl+q", "app.quit", "Quit"),
        ),
    ),
    "live": Place(
        "The live cluster",
        ("app",),
        (
            Action("back", "escape,q,v", "back", "Back"),
            Action("pause", "P", "pause", "Pause"),
            Action("time", "m", "app.time", "As it was"),
            Action("look", "u,f7", "refresh", "Look now"),
            Action("zoom", "z,f11", "zoom", "Zoom"),
            Action("shell", "s,f3", "app.shell", "Shell"),
            Action("stop", "x,f8", "stop", "Stop"),
        ),
    ),
    "notes": Place(
        "The presenter's notes",
        (),
        (
            Action("next", "right,space,pagedown,enter", "order('next')", "Go on"),
            Action("back", "left,pageup", "order('back')", "Back"),
            Action("pause", "p,f6", "order('pause')", "Pause"),
            Action("again", "a,f5", "order('again')", "Again"),
            Action("mend", "m,f7", "order('mend')", "Mend"),
            Action("skip", "S,f8", "order('skip')", "Skip"),
            Action("black", "b,full_stop", "order('darken')", "Black"),
            Action("cluster", "c,f4", "order('panes')", "Panes"),
            Action("recorded", "r", "order('recorded')", "Recorded", shown=False),
            Action("faster", "plus,equals_sign", "order('faster')", "Faster", shown=False),
            Action("slower", "minus,underscore", "order('slower')", "Slower", shown=False),
            Action("down", "down,j", "scroll(1)", "Notes further down", shown=False),
            Action("up", "up,k", "scroll(-1)", "Notes further up", shown=False),
            Action("quit", "q,ctrl+q", "app.quit", "Quit"),
        ),
    ),
    "end": Place(
        "The end of the course",
        ("app",),
        (
            Action("home", "escape,q,enter", "home", "Home"),
            Action("back", "p", "app.pop_screen", "Back to the last step"),
            Action("live", "v,f4", "watch", "Live"),
            Action("lab", "l,f9", "app.lab_menu", "Lab"),
            Action("shell", "s,f3", "app.shell", "Shell"),
        ),
    ),
    "log": Place(
        "The whole log",
        ("app",),
        (
            Action("back", "escape,q", "app.pop_screen", "Back"),
            Action("next", "n,right_square_bracket", "piece(1)", "Next"),
            Action("previous", "p,left_square_bracket", "piece(-1)", "Prev"),
            Action("first", "g,home", "edge(0)", "First line", first=True),
            Action("last", "G,end", "edge(1)", "Last line", first=True),
            Action("copy", "y,f6", "copy_path", "Copy path"),
            Action("copy-text", "Y", "copy_text", "Copy text"),
        ),
    ),
    "wide": Place(
        "An output on the whole width",
        ("app",),
        (
            Action("back", "escape,q,w", "app.pop_screen", "Back"),
            Action("left", "left", "sideways(-1)", "Left", first=True),
            Action("right", "right", "sideways(1)", "Right", first=True),
            Action("other", "tab", "other", "Next page", first=True),
            Action("copy", "y,f6", "copy_all", "Copy all"),
            Action("first", "g,home", "edge(0)", "First line", first=True),
            Action("last", "G,end", "edge(1)", "Last line", first=True),
        ),
    ),
    "time": Place(
        "The cluster as it was",
        ("app",),
        (
            Action("back", "escape,q,m", "app.pop_screen", "Back"),
            Action("earlier", "left", "step(-1)", "Earlier", first=True),
            Action("later", "right", "step(1)", "Later", first=True),
            Action("command-before", "pageup,p", "command(-1)", "Command before", first=True),
            Action("command-after", "pagedown,n", "command(1)", "Command after", first=True),
            Action("log", "l,enter", "log", "Its log"),
            Action("first", "home,g", "edge(0)", "First", shown=False, first=True),
            Action("last", "end,G", "edge(1)", "Last", shown=False, first=True),
            Action("copy", "y,f6", "copy", "Copy the output", shown=False),
        ),
    ),
    "lab": Place(
        "The lab menu",
        ("app",),
        (
            Action("back", "escape,q", "app.pop_screen", "Back"),
            Action("stop", "x,f8", "stop", "Stop"),
            Action("doctor", "d,f7", "app.doctor", "Doctor"),
            Action("copy", "y,f6", "copy_output", "Copy the output"),
        ),
    ),
    "doctor": Place(
        "The doctor",
        ("app",),
        (
            Action("back", "escape,q", "app.pop_screen", "Back"),
            Action("look", "u,f5", "examine", "Look again"),
            Action("copy", "y,f6", "copy_report", "Copy the report"),
            Action("lab", "l", "app.lab_menu", "Lab"),
            Action("stop", "x,f8", "stop", "Stop"),
        ),
    ),
    "scroll": Place(
        "What scrolls",
        (*_SCREENS, "help"),
        (
            Action("down", "j", "scroll_down", "Down", shown=False),
            Action("up", "k", "scroll_up", "Up", shown=False),
            Action("page-down", "space", "page_down", "Page down", shown=False),
            Action("top", "g", "scroll_home", "Top", shown=False),
            Action("end", "G", "scroll_end", "End", shown=False),
        ),
    ),
    "panes": Place(
        "The live panes",
        ("lesson", "live", "demo", "time"),
        (
            Action("nodes", "2", "pane('nodes')", "Nodes", shown=False),
            Action("etcd", "5", "pane('etcd')", "etcd", shown=False),
            Action("patroni", "6", "pane('patroni')", "Patroni", shown=False),
            Action("events", "7", "pane('events')", "Events", shown=False),
            Action("hide", "H", "hide", "Hide the pane at hand", shown=False),
        ),
    ),
    "pane": Place("A live pane", ("scroll", "panes"), (Action("copy", "y,f6", "copy", "Copy the table", shown=False),)),
    "output": Place(
        "An output",
        ("scroll",),
        (
            Action("left", "left", "sideways(-1)", "To the left", shown=False),
            Action("right", "right", "sideways(1)", "To the right", shown=False),
        ),
    ),
    "list": Place(
        "A list",
        (*_SCREENS, "scroll", "question", "choose", "snapshots"),
        (
            Action("down", "j", "cursor_down", "Down", shown=False),
            Action("up", "k", "cursor_up", "Up", shown=False),
            Action("first", "g", "first", "First", shown=False),
            Action("last", "G", "last", "Last", shown=False),
        ),
    ),
    "question": Place(
        "A question",
        ("scroll",),
        tuple(
            Action(letter, letter, f"choose({index})", f"Choose {letter}", shown=False)
            for index, letter in enumerate("abcd")
        ),
    ),
    "quorum": Place(
        "The quorum table",
        ("scroll",),
        (
            Action("more", "plus,equals_sign,right", "members(1)", "Member +", shown=False),
            Action("fewer", "minus,left", "members(-1)", "Member -", shown=False),
            Action("fail", "f,underscore", "failed(1)", "Fail one", shown=False),
            Action("back", "b,backspace", "failed(-1)", "Bring back", shown=False),
        ),
    ),
    "shell": Place(
        "A shell beside a lesson",
        (),
        # The terminal itself looks for these among all the keys that it takes.
        (
            Action("leave", "ctrl+right_square_bracket,f12", "", "Lead out of the shell", shown=False),
            Action("cluster", "alt+2", "", "Lead out, to the cluster", shown=False),
            Action("search", "f3", "", "Search", shown=False),
            Action("copy", "ctrl+shift+c", "", "Copy what is marked", shown=False),
            Action("page-up", "shift+pageup,alt+pageup", "", "Page up", shown=False),
            Action("page-down", "shift+pagedown,alt+pagedown", "", "Page down", shown=False),
        ),
    ),
    "search": Place(
        "The search in a shell",
        (),
        (
            Action("up", "f3,up", "seek(False)", "Further up", shown=False),
            Action("down", "shift+f3,down", "seek(True)", "Further down", shown=False),
            Action("end", "escape,ctrl+right_square_bracket,f12", "end", "End the search", shown=False),
        ),
    ),
    "help": Place("The help", (), (Action("close", "escape,q,question_mark,f1", "dismiss", "Close"),)),
    "confirm": Place(
        "A question of yes or no",
        (),
        (
            Action("yes", "y,f5", "answer(True)", "Yes"),
            Action("no", "n,escape", "answer(False)", "No"),
            Action("other", "left,right", "other"),
        ),
    ),
    "change": Place(
        "A change to confirm",
        ("confirm",),
        (
            Action("down", "j,down", "scroll(1)"),
            Action("up", "k,up", "scroll(-1)"),
            Action("first", "g,home", "edge(0)"),
            Action("last", "G,end", "edge(1)"),
        ),
    ),
    "edit": Place(
        "A command to edit",
        (),
        (
            Action("run", "f5,ctrl+r", "run_it", "Run", first=True),
            Action("cancel", "escape", "leave", "Cancel", first=True),
        ),
    ),
    "settings": Place(
        "The settings of a lab",
        (),
        (
            Action("create", "f5,ctrl+r", "create", "Create", first=True),
            Action("cancel", "escape", "leave", "Cancel", first=True),
            Action("next", "down", "app.focus_next"),
            Action("previous", "up", "app.focus_previous"),
        ),
    ),
    "snapshot-name": Place(
        "A snapshot's name",
        (),
        (
            Action("keep", "f5,ctrl+r", "keep", "Keep", first=True),
            Action("cancel", "escape", "leave", "Cancel", first=True),
        ),
    ),
    "snapshots": Place(
        "The snapshots of the lab",
        (),
        (Action("remove", "d,delete", "remove", "Remove"), Action("cancel", "escape,q", "leave", "Cancel")),
    ),
    "choose": Place("A choice", (), (Action("cancel", "escape,q", "leave", "Cancel"),)),
    "about": Place("About", (), (Action("close", "escape,q,enter,a", "dismiss", "Close"),)),
}
"""By the first part of their actions' ids."""

ACTIONS: dict[str, Action] = {
    f"{name}.{action.name}": action for name, place in PLACES.items() for action in place.actions
}
"""By id: `lesson.run`."""


def meet(one: str, other: str) -> bool:
    """Whether the keys of two places work at the same time."""
    return one == other or one in _around(other) or other in _around(one)


def _around(place: str) -> set[str]:
    within = PLACES[place].within
    return {*within, *(outer for inner in within for outer in _around(inner))}
