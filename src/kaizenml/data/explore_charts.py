"""Numbers, bars and histograms as HTML; every number carries itself in full beside its rounded form."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from math import ceil, floor

from kaizenml.data.explore import Histogram

_WIDTH, _HEIGHT = 240, 56


def number(value: float | None) -> str:
    """Return a number as people read it, with itself as `value`."""
    if value is None:
        return "–"
    return f'<data value="{value!r}">{plain(value)}</data>'


def plain(value: float) -> str:
    """Return whole numbers with thousands parted, others with four digits that count."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1e5 else f"{value:,.0f}"


def share(value: float) -> str:
    """Return a share as percent, with itself as `value`."""
    return f'<data value="{value!r}">{value:.1%}</data>'


def thousandths(value: float | None) -> str:
    """Return a number with three decimals, with itself as `value`."""
    return "–" if value is None else f'<data value="{value!r}">{value:.3f}</data>'


def label_of(value: float | str | None) -> str:
    """Return one end of a range."""
    return escape(value.replace("T", " ")[:19]) if isinstance(value, str) else number(value)


def bar(value: float, low: float, high: float, mark: float | None = None) -> str:
    """Return a bar from zero to the value on an axis from low to high, with a line at the mark."""
    span = (high - low) or 1.0
    start, end = sorted(((0.0 - low) / span, (value - low) / span))
    at = "" if mark is None else _line(100 * (mark - low) / span)
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar-all" width="100" height="10"/><rect class="bar-part" x="{100 * start:.2f}" '
        f'width="{100 * (end - start):.2f}" height="10"/>{at}</svg>'
    )


def _line(x: float) -> str:
    x = min(max(x, 0.5), 99.5)
    return f'<line x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="10"/>'


def bars(histogram: Histogram, *, is_time: bool) -> str:
    """Return a histogram, with the ends of its axis and the rows beyond them."""
    most, edges = max(*histogram.counts, 1), _shown(histogram.edges)
    wide = _WIDTH / len(histogram.counts)
    drawn = "".join(
        f'<rect x="{at * wide:.2f}" y="{_HEIGHT - height:.2f}" width="{max(wide - 1, 0.5):.2f}" height="{height:.2f}">'
        f"<title>{_end(low, is_time)} to {_end(high, is_time)}: {count:,} rows</title></rect>"
        for at, (count, (low, high)) in enumerate(zip(histogram.counts, edges, strict=True))
        for height in [max(_HEIGHT * count / most, 1.0 if count else 0.0)]
    )
    beyond = [f"{number(histogram.below)} below" if histogram.below else ""]
    beyond.append(f"{number(histogram.above)} above" if histogram.above else "")
    said = ", ".join(filter(None, beyond))
    middle = f"<span>{said}</span>" if said else ""
    return (
        f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Rows per interval">{drawn}</svg><p class="axis quiet"><span>{_end(edges[0][0], is_time)}'
        f"</span>{middle}<span>{_end(edges[-1][1], is_time)}</span></p>"
    )


def _shown(edges: tuple[float, ...]) -> list[tuple[float, float]]:
    """Return the ends of each bar, of whole numbers the least and the greatest in it."""
    is_whole = all(edge % 1 == 0.5 for edge in edges)
    return [(ceil(low), floor(high)) if is_whole else (low, high) for low, high in pairwise(edges)]


def _end(value: float, is_time: bool) -> str:
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d}" if is_time else plain(value)
