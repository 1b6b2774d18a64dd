"""Charts as values, and as SVG that needs nothing else: no script, no font, no network; light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 44, 44
_STYLE = """
svg.kz{--ink:#1b2330;--quiet:#5c6675;--edge:#dde2e9;--card:#fff;--c0:#1f6fd6;--c1:#c2571a;--c2:#2b8a3e;--c3:#8a5cc9;
font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;max-width:100%;height:auto}
@media (prefers-color-scheme:dark){svg.kz{--ink:#e6eaf0;--quiet:#9aa5b4;--edge:#2f3845;--card:#1b212a;--c0:#69a8ff;
--c1:#f0a35e;--c2:#6fce85;--c3:#bb98f0}}
.kz .bg{fill:var(--card)}.kz text{fill:var(--quiet)}.kz .title{fill:var(--ink);font-size:14px;font-weight:600}
.kz .grid{stroke:var(--edge)}.kz .ref{stroke:var(--quiet);stroke-dasharray:4 4}
.kz .line{fill:none;stroke-width:2}.kz .band{opacity:.18;stroke:none}.kz .whisker{stroke-width:1.5}
""".replace("\n", "")


@dataclass(frozen=True, slots=True)
class Series:
    """Points that belong together, drawn as a line or as dots; ``low`` and ``high`` bound each, where there are any."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    is_line: bool = True
    is_reference: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Series on two axes; a range is None where the points give it."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its interval, and a mark to hold it against."""

    name: str
    value: float
    low: float
    high: float
    mark: float | None = None
    is_faint: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars that lie, one below the other; ``mark_label`` says what the marks are."""

    title: str
    x_label: str
    bars: tuple[Bar, ...]
    mark_label: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """Counts of what was (down) and what was said (across)."""

    title: str
    down: tuple[str, ...]
    across: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]


#: An axis cannot be narrower: its steps would be too small for a number.
_NARROWEST = 1e-300


def svg(drawn: Chart | Bars | Grid) -> str:
    """Return the chart as an SVG document."""
    if isinstance(drawn, Chart):
        return _chart(drawn)
    return _bars(drawn) if isinstance(drawn, Bars) else _grid(drawn)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers between the two ends, at most so many and one."""
    if not (math.isfinite(low) and math.isfinite(high)) or high - low < _NARROWEST:
        return [low]
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * each for each in (1, 2, 2.5, 5, 10) if size * each >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [at * step for at in range(first, math.floor(high / step + 1e-9) + 1)]


def _chart(chart: Chart) -> str:
    across = chart.x_range or _span(value for each in chart.series for value in each.x)
    up = chart.y_range or _span(
        value for each in chart.series for part in (each.y, each.low, each.high) for value in part
    )

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (x - across[0]) / (across[1] - across[0]) * (WIDTH - _LEFT - _RIGHT),
            HEIGHT - _BOTTOM - (y - up[0]) / (up[1] - up[0]) * (HEIGHT - _TOP - _BOTTOM),
        )

    parts = [_axes(chart, across, up)]
    colour = 0
    for each in chart.series:
        parts.append(_series(each, f"var(--c{colour % 4})", [at(x, y) for x, y in zip(each.x, each.y, strict=True)]))
        if each.low:
            below = [at(x, y) for x, y in zip(each.x, each.low, strict=True)]
            above = [at(x, y) for x, y in zip(each.x, each.high, strict=True)]
            parts.append(_between(each, f"var(--c{colour % 4})", below, above))
        colour += not each.is_reference
    return _document(chart.title, HEIGHT, "".join(parts) + _legend([each for each in chart.series if each.name]))


def _axes(chart: Chart, across: tuple[float, float], up: tuple[float, float]) -> str:
    wide, high, base = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM, HEIGHT - _BOTTOM
    lines = []
    for tick in ticks(*across):
        x = _LEFT + (tick - across[0]) / (across[1] - across[0]) * wide
        lines.append(_line("grid", x, _TOP, x, base) + _text(x, base + 16, plain(tick), "middle"))
    for tick in ticks(*up):
        y = base - (tick - up[0]) / (up[1] - up[0]) * high
        lines.append(_line("grid", _LEFT, y, WIDTH - _RIGHT, y) + _text(_LEFT - 6, y + 4, plain(tick), "end"))
    middle = _TOP + high / 2
    return (
        "".join(lines)
        + _text(_LEFT + wide / 2, HEIGHT - 8, chart.x_label, "middle")
        + f'<text x="14" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 14 {middle:.1f})">'
        f"{escape(chart.y_label)}</text>"
    )


def _series(series: Series, colour: str, points: Sequence[tuple[float, float]]) -> str:
    if series.is_reference:
        return f'<polyline class="line ref" style="stroke-width:1.5" points="{_path(points)}"/>'
    if series.is_line:
        dots = _dots(points, 2.5, colour) if len(points) <= 20 else ""
        return f'<polyline class="line" style="stroke:{colour}" points="{_path(points)}"/>{dots}'
    return f'<g style="opacity:{0.35 if len(points) > 100 else 0.9}">{_dots(points, 2, colour)}</g>'


def _dots(points: Iterable[tuple[float, float]], radius: float, colour: str) -> str:
    drawn = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in points)
    return f'<g style="fill:{colour}">{drawn}</g>'


def _between(
    series: Series, colour: str, below: Sequence[tuple[float, float]], above: Sequence[tuple[float, float]]
) -> str:
    if series.is_line:
        return f'<polygon class="band" style="fill:{colour}" points="{_path([*above, *reversed(below)])}"/>'
    pairs = zip(below, above, strict=True)
    drawn = "".join(_line("whisker", x, low, x, high) for (x, low), (_, high) in pairs)
    return f'<g style="stroke:{colour}">{drawn}</g>'


def _legend(series: Sequence[Series]) -> str:
    named = [each for each in series if not each.is_reference]
    if len(named) < 2:
        return ""
    drawn, x = "", float(_LEFT)
    for number, each in enumerate(named):
        drawn += f'<rect x="{x:.1f}" y="{_TOP - 11}" width="10" height="3" style="fill:var(--c{number % 4})"/>'
        drawn += _text(x + 14, _TOP - 6, each.name, "start")
        x += 30 + 6.2 * len(each.name)
    return drawn


def _bars(bars: Bars) -> str:
    rows = len(bars.bars)
    left, step = min(220.0, 20 + 6.6 * max((len(_short(each.name)) for each in bars.bars), default=1)), 22
    height = _TOP + step * rows + _BOTTOM
    ends = [value for each in bars.bars for value in (each.low, each.high, each.value, each.mark or 0.0)]
    low, high = _span([0.0, *ends])

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - _RIGHT)

    parts = [
        _line("grid", at(tick), _TOP, at(tick), height - _BOTTOM)
        + _text(at(tick), height - _BOTTOM + 16, plain(tick), "middle")
        for tick in ticks(low, high, 4)
    ]
    for number, each in enumerate(bars.bars):
        y = _TOP + step * number
        start, end = sorted((at(0.0), at(each.value)))
        fill = "var(--quiet)" if each.is_faint else "var(--c0)"
        parts.append(
            f'<rect x="{start:.1f}" y="{y + 4}" width="{max(end - start, 0.5):.1f}" height="{step - 8}" '
            f'style="fill:{fill};opacity:.75"><title>{escape(each.name)}: {plain(each.value)} ({plain(each.low)} to '
            f"{plain(each.high)})</title></rect>"
            f'<g style="stroke:var(--ink)">'
            f"{_line('whisker', at(each.low), y + step / 2, at(each.high), y + step / 2)}</g>"
            + _text(left - 6, y + step / 2 + 4, _short(each.name), "end")
        )
        if each.mark is not None:
            mark = _line("whisker", at(each.mark), y + 2, at(each.mark), y + step - 2)
            parts.append(f'<g style="stroke:var(--c1)">{mark}</g>')
    said = f"{bars.x_label}; {bars.mark_label}" if bars.mark_label else bars.x_label
    return _document(bars.title, height, "".join(parts) + _text(WIDTH / 2, height - 8, said, "middle"))


def _grid(grid: Grid) -> str:
    left, size = 110.0, min(64.0, (WIDTH - 130) / max(len(grid.across), 1))
    top, high = _TOP + 26.0, max(18.0, min(44.0, size))
    parts = [_text(left + size * len(grid.across) / 2, _TOP + 6, "said", "middle"), _text(6, top - 6, "was", "start")]
    for column, name in enumerate(grid.across):
        parts.append(_text(left + size * (column + 0.5), top - 6, _short(name, int(size / 7)), "middle"))
    for row, name in enumerate(grid.down):
        y, total = top + high * row, max(sum(grid.cells[row]), 1)
        parts.append(_text(left - 8, y + high / 2 + 4, _short(name, 15), "end"))
        for column, count in enumerate(grid.cells[row]):
            x, share = left + size * column, count / total
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{size - 2:.1f}" height="{high - 2:.1f}" rx="3" style="fill:'
                f'var(--c0);opacity:{0.06 + 0.6 * share:.3f}"><title>{escape(name)}, said {escape(grid.across[column])}'
                f": {count:,} rows, {share:.1%}</title></rect>"
            )
            if size >= 30:
                parts.append(
                    f'<text x="{x + size / 2 - 1:.1f}" y="{y + high / 2 + 4:.1f}" text-anchor="middle" '
                    f'style="fill:var(--ink)">{count:,}</text>'
                )
    return _document(grid.title, top + high * len(grid.down) + 10, "".join(parts))


def _document(title: str, height: float, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="kz" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title)}"><style>{_STYLE}</style>'
        f'<rect class="bg" width="{WIDTH}" height="{height:.0f}" rx="8"/>'
        f'<text class="title" x="14" y="17">{escape(title)}</text>{body}</svg>'
    )


def plain(value: float) -> str:
    """Return a number as an axis shows it."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "–"
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def _span(values: Iterable[float]) -> tuple[float, float]:
    known = [value for value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if high - low < _NARROWEST:
        room = max(abs(low), abs(high)) / 2
        return (low - room, high + room) if room >= _NARROWEST else (low - 0.5, high + 0.5)
    room = 0.04 * (high - low)
    return low - room if low < 0 or low > room else 0.0, high + room


def _short(text: str, most: int = 30) -> str:
    return text if len(text) <= max(most, 2) else f"{text[: max(most, 2) - 1]}…"


def _path(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
