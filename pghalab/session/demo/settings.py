"""How a person wants shows to be: the `[demo]` of their settings, each line for itself."""

from __future__ import annotations

import tomllib
from dataclasses import field, replace
from typing import Literal

from pghalab.lab.host import paths, person
from pghalab.lab.host.person import Settings, Wrong, quoted
from pghalab.session.demo.pace import FASTEST, SLOWEST, Tempo
from pghalab.values import dataclass

Light = Literal["dark", "light"]
_FORM = 'it is not of the form speed = 1.5, jitter = 0.3 or background = "light"'


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person chose, and else the usual."""

    tempo: Tempo = field(default_factory=Tempo)
    background: Light = "dark"
    """Of the room's screen: light is better read where it is bright."""


def load() -> tuple[Wanted, list[str]]:
    """What the person who runs this wants, and which of those lines are wrong, in sentences.

    What is wrong with the file as a whole is told with its keys.
    """
    settings, _ = person.load("")
    settings.wrong.clear()
    return take(settings), [f"{paths.person_file()}, {line}" for line in settings.said()]


def take(settings: Settings) -> Wanted:
    """What some settings want, in which what is wrong with these lines is noted."""
    wanted = Wanted()
    seen: dict[str, int] = {}
    for number, row in settings.rows.get("demo", ()):
        try:
            name, value = _line(row)
            if name in seen:
                raise Wrong(f"line {seen[name]} is about {name} already")
            wanted = _with(wanted, name, value)
            seen[name] = number
        except Wrong as error:
            settings.wrong[number] = f"{quoted(row)}: {error}"
    return wanted


def _line(row: str) -> tuple[str, object]:
    try:
        [(name, value)] = tomllib.loads(row).items()
    except (ValueError, RecursionError):
        raise Wrong(_FORM) from None
    return name, value


def _with(wanted: Wanted, name: str, value: object) -> Wanted:
    match name:
        case "speed":
            return replace(wanted, tempo=replace(wanted.tempo, speed=_number(value, SLOWEST, FASTEST)))
        case "jitter":
            return replace(wanted, tempo=replace(wanted.tempo, jitter=_number(value, 0.0, 1.0)))
        case "background":
            if value == "dark" or value == "light":
                return replace(wanted, background=value)
            raise Wrong('it is "dark" or "light"')
        case _:
            raise Wrong(_FORM)


def _number(value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise Wrong(f"it is a number from {least:g} to {most:g}")
    return float(value)
