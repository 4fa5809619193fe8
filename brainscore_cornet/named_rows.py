"""Rows of charts that have their names above them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class NamedRows:
    """Rows of a chart with a name above each, since such names are long.

    Parameters
    ----------
    field
        Field of the data with a row's name.
    names
        The names in their order.
    name_height, height
        Of a name and of what is below it, in px.
    """

    def __init__(self, field: str, names: Sequence[str], name_height: float, height: float) -> None:
        import altair as alt

        self.step = name_height + height
        """Height of a row in px."""
        self._field, self._names = field, list(names)
        share = name_height / self.step
        self._bands = alt.Scale(paddingInner=share, paddingOuter=share / 2, align=1)

    def y(self, position: float = 0.5) -> Any:
        """Return the channel of a place in the rows, from 0 at the top of what is below the names to 1."""
        import altair as alt

        return alt.Y(f"{self._field}:N", sort=self._names, axis=None, scale=self._bands, bandPosition=position)

    def labels(self, chart: Any, **marks: Any) -> Any:
        """Return the layer of the names over a chart's data; `marks` are Altair's settings of text."""
        import altair as alt

        settings = {"align": "left", "baseline": "bottom", "dy": -3, "limit": alt.expr("width"), "aria": False, **marks}
        return chart.mark_text(**settings).encode(x=alt.value(0), y=self.y(0), text=f"{self._field}:N")
