"""Plain values as JSON and back: frozen dataclasses, read by the types of their fields."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

KIND = "event"
"""The key under which a value of several kinds says which one it is."""
LARGEST = 1e12
"""No number of seconds is as large, nor is one infinite."""


def to_json(value: object) -> Any:
    """A value as `json.dumps` takes it; raises TypeError for what is not plain."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, (tuple, list, frozenset, set)):
        return [to_json(each) for each in value]
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def from_json(kind: Any, data: Any, longest: int | None = None) -> Any:
    """The value of this type that `to_json` wrote; raises ValueError when the data is not of that shape.

    A key that the type does not know is passed over, so that an older pghalab reads what a newer one wrote. `longest`
    is how many characters a text and how many entries a list may have.
    """
    if kind is Any or kind is object:
        return data
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, data, longest)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, data, longest)
    if origin is Literal:
        if data in arguments:
            return data
    elif origin in (tuple, list, frozenset, set) or kind in (tuple, list):
        if isinstance(data, list) and (longest is None or len(data) <= longest):
            return _sequence(origin or kind, arguments, data, longest)
    elif isinstance(origin or kind, type) and issubclass(origin or kind, Mapping):
        if isinstance(data, dict):
            key, value = arguments or (Any, Any)
            return {from_json(key, name, longest): from_json(value, each, longest) for name, each in data.items()}
    elif kind is Path:
        if isinstance(data, str):
            return Path(data)
    elif kind is float:
        if isinstance(data, (int, float)) and not isinstance(data, bool) and abs(data) < LARGEST:
            return float(data)
    elif kind is None or kind is type(None):
        if data is None:
            return None
    elif kind is str:
        if isinstance(data, str) and (longest is None or len(data) <= longest):
            return data
    elif isinstance(kind, type) and type(data) is kind:
        return data
    raise ValueError(f"{data!r:.80} is not {kind}")


def tagged(value: object) -> dict[str, Any]:
    """A value of several possible kinds as JSON that says which one it is."""
    return {KIND: type(value).__name__, **to_json(value)}


def untagged(kinds: Mapping[str, type[T]], data: Mapping[str, Any]) -> T:
    """What `tagged` wrote, of one of these kinds by name; raises ValueError."""
    kind = kinds.get(str(data.get(KIND)))
    if kind is None:
        raise ValueError(f"{data.get(KIND)!r:.80} is no kind of {', '.join(kinds)}")
    value: T = from_json(kind, data)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _dataclass(kind: type, data: Any, longest: int | None) -> Any:
    if not isinstance(data, Mapping):
        raise ValueError(f"{data!r:.80} is not a mapping")
    hints = _hints(kind)
    known = {
        field.name: from_json(hints[field.name], data[field.name], longest)
        for field in fields(kind)
        if field.name in data
    }
    try:
        return kind(**known)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


def _one_of(kinds: tuple[Any, ...], data: Any, longest: int | None) -> Any:
    for kind in kinds:
        try:
            return from_json(kind, data, longest)
        except ValueError:
            continue
    raise ValueError(f"{data!r:.80} is none of {kinds}")


def _sequence(kind: Any, arguments: tuple[Any, ...], data: list[Any], longest: int | None) -> Any:
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        if len(arguments) != len(data):
            raise ValueError(f"{len(data)} values are not {len(arguments)}")
        return tuple(from_json(each, value, longest) for each, value in zip(arguments, data, strict=True))
    each = arguments[0] if arguments else Any
    return kind(from_json(each, value, longest) for value in data)
