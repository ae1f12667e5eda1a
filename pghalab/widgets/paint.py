"""Painting a widget at once."""

from __future__ import annotations

from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

FEW = 4
"""Rows that are painted without the compositor; it draws everything else that is in the same rows, too."""


def paint_now(widget: Widget) -> None:
    """Paint what a widget has asked to be painted, where that is all there is to do on its screen.

    Textual takes an update through the widget's queue, the screen's queue and a timer. Where the screen has to be
    arranged or painted as a whole it is left to that.
    """
    screen, app = widget.screen, widget.app
    arranges = screen._layout_required or screen._scroll_required or screen._repaint_required
    if arranges or screen._recompose_required or not screen.is_current or app._batch_count:
        return
    # What is not arranged yet is not asked where it is: Textual would arrange it for the answer, and then, with nothing
    # more to arrange, never tell a widget of its new size.
    compositor = screen._compositor
    unarranged = compositor._full_map_invalidated and compositor._visible_map is None
    if unarranged or not widget.display or widget not in compositor.visible_widgets:
        return
    with app._context():
        widget._repaint_required = False
        if (spot := _in_full_sight(widget)) is not None:
            widget._exchange_repaint_regions()
            app._display(screen, LayoutUpdate([[row] for row in _rows(widget, spot)], spot))
        else:
            screen._dirty_widgets.add(widget)
            compositor.update_widgets(screen._dirty_widgets)
            screen._compositor_refresh()


def _rows(widget: Widget, spot: Region) -> list[Strip]:
    """What the widget draws there, as Textual would paint it but for its cache and for styles that we do not use."""
    top, background, filters = widget.content_region.y, widget.background_colors[1], widget.get_line_filters()
    rows = [widget.render_line(y - top) for y in spot.line_range]
    for line_filter in filters:
        rows = [row.apply_filter(line_filter, background) for row in rows]
    return rows


def _in_full_sight(widget: Widget) -> Region | None:
    """Where the rows of its content are that are to be painted; None where they are many, or something covers them."""
    asked = Region.from_union(list(widget._repaint_regions)) if widget._repaint_regions else Region()
    if not 0 < asked.height <= FEW:
        return None
    compositor = widget.screen._compositor
    found = compositor.find_widget(widget)
    content = widget.content_region
    spot = Region(content.x, found.region.y + asked.y, content.width, asked.height)
    if not (content.contains_region(spot) and found.clip.contains_region(spot)):
        return None
    for y in spot.line_range:
        # The uppermost comes first.
        for other, seen, _ in compositor.layers_visible[y]:
            if other is widget:
                break
            if seen.overlaps(spot):
                return None
        else:
            return None
    return spot
