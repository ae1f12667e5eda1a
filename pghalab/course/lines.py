"""YAML with the line of every key, so that an error can name its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from functools import cache
from typing import Any

from pghalab.values import dataclass

DEEPEST = 16
"""Levels of lists and mappings inside each other."""
MOST_EVENTS = 20_000
"""Words, lists and mappings of one block, about."""


class YamlError(Exception):
    """The text is not a YAML mapping; `line` is where, counted in the file."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Located:
    """A mapping, with the line of each key and of each entry of its lists."""

    data: Mapping[str, Any]
    start: int
    lines: Mapping[str, int]
    entries: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def line(self, key: str) -> int:
        """The line of a key, or of the mapping itself when the key is absent."""
        return self.lines.get(key, self.start)

    def entry(self, key: str, index: int) -> int:
        """The line of one entry of the list under a key."""
        found = self.entries.get(key, ())
        return found[index] if index < len(found) else self.line(key)


@cache
def _loader() -> Any:
    """The fast parser with YAML 1.2's booleans: in YAML 1.1 the key `on` would mean true."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag.rpartition(":")[2] in ("int", "float", "null")]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    loader = type("LessonLoader", (base,), {"yaml_implicit_resolvers": resolvers})
    loader.add_implicit_resolver(  # type: ignore[attr-defined]
        "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF")
    )
    return loader


def parse(text: str, first_line: int) -> Located:
    """Read a YAML mapping whose first line is `first_line` of the file; raises YamlError.

    The file may be anybody's: it is read event by event, since the library's own way from events to values follows
    every level with a call of its own (deep nesting ends the process) and every alias (a small text fills the memory).
    """
    import yaml

    loader = _loader()(text)
    try:
        return _Reader(loader, first_line).read()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise YamlError(f"not valid YAML: {problem}", first_line + (mark.line if mark else 0)) from error
    except (ValueError, TypeError) as error:
        raise YamlError(f"not valid YAML: {error}", first_line) from error
    finally:
        loader.dispose()


class _Reader:
    """Makes values of a parser's events."""

    def __init__(self, loader: Any, first_line: int) -> None:
        import yaml

        self._yaml = yaml
        self._loader = loader
        self._first = first_line
        self._line = first_line
        self._left = MOST_EVENTS
        self._lines: dict[str, int] = {}
        self._entries: dict[str, tuple[int, ...]] = {}

    def read(self) -> Located:
        """The one document, which is a mapping."""
        yaml = self._yaml
        event = self._next()
        while isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
            event = self._next()
        if not isinstance(event, yaml.MappingStartEvent):
            raise YamlError("expected `key: value` lines", self._first)
        data = self._mapping(1)
        self._next()  # the document's end
        if not isinstance(self._next(), yaml.StreamEndEvent):
            raise YamlError("a second document begins here", self._line)
        return Located({str(key): value for key, value in data.items()}, self._first, self._lines, self._entries)

    def _next(self) -> Any:
        event = self._loader.get_event()
        self._line = self._first + event.start_mark.line
        self._left -= 1
        if self._left < 0:
            raise YamlError("more than one step can hold", self._line)
        if isinstance(event, self._yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlError("anchors (`&`) and aliases (`*`) are not read; quote a text that begins so", self._line)
        if getattr(event, "tag", None):
            raise YamlError(f"the tag `{event.tag}` is not read", self._line)
        return event

    def _mapping(self, depth: int) -> dict[Any, Any]:
        yaml = self._yaml
        found: dict[Any, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise YamlError("a key is one word", self._line)
            key = self._scalar(event)
            if key in found:
                raise YamlError(f"`{event.value}` stands here twice", self._line)
            name = str(key) if depth == 1 else ""
            if name:
                self._lines[name] = self._line
            found[key] = self._value(self._next(), depth + 1, name)
        return found

    def _value(self, event: Any, depth: int, name: str = "") -> Any:
        yaml = self._yaml
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if depth > DEEPEST:
            raise YamlError(f"nested deeper than {DEEPEST} levels", self._line)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(depth)
        found: list[Any] = []
        lines: list[int] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            lines.append(self._line)
            found.append(self._value(event, depth + 1))
        if name:
            self._entries[name] = tuple(lines)
        return found

    def _scalar(self, event: Any) -> Any:
        yaml = self._yaml
        tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = tag.rpartition(":")[2]
        if kind not in ("int", "float", "bool", "null"):
            return event.value
        return getattr(self._loader, f"construct_yaml_{kind}")(yaml.ScalarNode(tag, event.value))
