"""YAML with the line of every key, so that an error can name its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any


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
    """The fast safe loader with YAML 1.2's booleans: in YAML 1.1 the key `on` would mean true."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    loader = type("LessonLoader", (base,), {"yaml_implicit_resolvers": resolvers})
    loader.add_implicit_resolver(  # type: ignore[attr-defined]
        "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF")
    )
    return loader


def parse(text: str, first_line: int) -> Located:
    """Read a YAML mapping whose first line is `first_line` of the file; raises YamlError."""
    import yaml

    try:
        loader = _loader()(text)
        try:
            node = loader.get_single_node()
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise YamlError(f"not valid YAML: {problem}", first_line + (mark.line if mark else 0)) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise YamlError(f"not valid YAML: {error}", first_line) from error
    if not isinstance(data, dict):
        raise YamlError("expected `key: value` lines", first_line)
    lines: dict[str, int] = {}
    entries: dict[str, tuple[int, ...]] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        line = first_line + key_node.start_mark.line
        if key in lines:
            raise YamlError(f"`{key}` stands here twice", line)
        lines[key] = line
        if isinstance(value_node, yaml.SequenceNode):
            entries[key] = tuple(first_line + item.start_mark.line for item in value_node.value)
    return Located({str(key): value for key, value in data.items()}, first_line, lines, entries)
