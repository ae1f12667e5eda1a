"""`dataclass` as Python has it, made in a fraction of the time where it is frozen: a hundred stand before a screen.

Up to Python 3.12 it compiles each method of each class by itself, on every start.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as dataclass
    from typing import Any
else:

    def dataclass(cls=None, /, **how):
        """As `dataclasses.dataclass`; those that are frozen and have slots share the functions that all have alike."""
        if cls is None:
            return lambda cls: dataclass(cls, **how)
        if set(how) != {"frozen", "slots"} or not all(how.values()):
            return dataclasses.dataclass(**how)(cls)
        own = set(cls.__dict__)
        made = dataclasses.dataclass(slots=True, repr=False, eq=False)(cls)
        for name, shared in _SHARED.items():
            if name not in own:
                setattr(made, name, shared)
        return made


@cache
def _values(cls: Any) -> Callable[[Any], Any]:
    """What gives all that a value of this class is compared by."""
    names = [field.name for field in dataclasses.fields(cls) if field.compare]
    return attrgetter(*names) if names else lambda value: ()


def _equals(self: Any, other: object) -> Any:
    values = _values(self.__class__)
    return values(self) == values(other) if type(other) is type(self) else NotImplemented


def _hashed(self: Any) -> int:
    return hash(_values(self.__class__)(self))


def _shown(self: Any) -> str:
    fields = dataclasses.fields(self)
    parts = (f"{field.name}={getattr(self, field.name)!r}" for field in fields if field.repr)
    return f"{type(self).__qualname__}({', '.join(parts)})"


def _set_once(self: Any, name: str, value: object) -> None:
    # A slot is empty until `__init__` fills it.
    if hasattr(self, name) or name not in self.__dataclass_fields__:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _kept(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_SHARED = {
    "__repr__": _shown,
    "__eq__": _equals,
    "__hash__": _hashed,
    "__setattr__": _set_once,
    "__delattr__": _kept,
}
