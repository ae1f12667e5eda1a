"""The terminal engine of this machine, and a machine without one."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pghalab.terminal import engine


@pytest.fixture
def unloaded() -> Iterator[None]:
    engine.load.cache_clear()
    yield
    engine.load.cache_clear()


def test_the_fields_of_a_cell_are_where_the_engine_says() -> None:
    loaded = engine.load()
    terminal = loaded.pyghostty.Terminal(cols=4, rows=1)
    terminal.feed("\x1b[1mä\x1b[0m中")
    out = loaded.ffi.new("uint64_t*")
    cells = []
    for column in range(4):
        assert loaded.lib.ghostty_grid_ref_cell(terminal.ref(column, 0), out) == 0
        cells.append(int(out[0]))
    assert [chr(loaded.codepoint.of(cell)) for cell in cells] == ["ä", "中", "\0", "\0"]
    assert [loaded.wide.of(cell) for cell in cells] == [0, 1, 2, 0]
    assert [bool(loaded.style.of(cell)) for cell in cells] == [True, False, False, False]
    assert [loaded.content.of(cell) for cell in cells] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "fault", [ModuleNotFoundError("No module named 'pyghostty'"), OSError("libghostty-vt not found")]
)
def test_a_machine_without_the_engine_says_so_and_why(
    fault: Exception, unloaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pyghostty":
            raise fault
        return real(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "pyghostty", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(engine.NoEngineError) as refused:
        engine.load()
    assert str(refused.value) == f"this machine has no terminal engine ({fault})"


def test_an_engine_with_another_layout_is_refused(unloaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        """Bits of the code point that do not lie side by side."""

        GHOSTTY_CELL_DATA_CODEPOINT = 1

        def ghostty_cell_get(self, cell: int, key: int, out: Any) -> None:
            out[0] = 1 if cell in (1 << 3, 1 << 9) else 0

    other = Other()
    with pytest.raises(engine.NoEngineError, match="in a way that is not known here"):
        engine._field(engine.load().ffi, other, other.GHOSTTY_CELL_DATA_CODEPOINT, "uint32_t")
