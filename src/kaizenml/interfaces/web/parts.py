"""The pieces of the first page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kaizenml.core.alert import Alert
from kaizenml.core.event import Event
from kaizenml.core.rollout import Phase, Rollout
from kaizenml.interfaces.web.html import Html, joined, tag
from kaizenml.interfaces.web.overview import Project, Quality
from kaizenml.interfaces.web.stages import Stage
from kaizenml.interfaces.web.words import age, share, shortened
from kaizenml.loop.reporting import sentence

_WIDTH, _HEIGHT = 240, 48
#: A data clock this far from the wall's is worth showing.
_APART = timedelta(hours=1)
#: Facts that say in plain words what an event is about, the best first.
_SAYING = ("said", "because", "reason", "error", "release", "version")


def project(shown: Project, now: datetime) -> Html:
    """Return a project: its loop, what serves, how well, what is the matter."""
    return tag(
        "section",
        tag("header", tag("h2", shown.name), _champion(shown, now), class_="project-head"),
        tag("ol", *(_stage(stage, now) for stage in shown.stages), class_="loop"),
        tag(
            "div",
            _rollout(shown.rollout, now) if shown.rollout else None,
            _quality(shown.quality) if shown.quality else None,
            _alerts(shown.alerts, now),
            class_="facts",
        ),
        class_="project",
    )


def events(listed: Sequence[Event], now: datetime) -> Html:
    """Return the newest events, each with the one that caused it."""
    if not listed:
        return tag("p", "Nothing has happened yet.", class_="quiet")
    shown = {event.id for event in listed}
    heads = tag("tr", *(tag("th", word, scope="col") for word in ("#", "when", "what", "about", "who", "because of")))
    rows = joined(*(_event(event, now, shown) for event in listed))
    return tag("div", tag("table", tag("thead", heads), tag("tbody", rows)), class_="scroll")


def _champion(shown: Project, now: datetime) -> Html:
    endpoint = shown.endpoint
    if endpoint is None:
        return tag("p", "no champion yet", class_="quiet")
    since = age(endpoint.champion_since or endpoint.changed_at, now)
    before = f", before that {endpoint.previous}" if endpoint.previous else ""
    return tag("p", "champion ", tag("strong", endpoint.champion), f", crowned {since}{before}", class_="champion")


def _stage(stage: Stage, now: datetime) -> Html:
    return tag(
        "li",
        tag("span", class_="dot", role="img", aria_label=stage.tone),
        tag("b", stage.name),
        tag("span", stage.said, class_="said"),
        tag("time", age(stage.at, now), datetime=stage.at.isoformat(), title=f"{stage.at:%Y-%m-%d %H:%M:%S}")
        if stage.at
        else tag("span", "–", class_="quiet"),
        class_=f"stage {stage.tone}",
    )


def _rollout(rollout: Rollout, now: datetime) -> Html:
    steps = " → ".join(f"{step} %" for step in rollout.steps)
    where = "in shadow" if rollout.state is Phase.SHADOW else share(rollout.share())
    bar = tag(
        "svg",
        tag("rect", class_="bar-all", width=100, height=8, rx=2),
        tag("rect", class_="bar-part", width=f"{100 * rollout.share():.4g}", height=8, rx=2),
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        class_="bar",
        role="img",
        aria_label=f"{where} of the traffic",
    )
    return tag(
        "div",
        tag("h3", "Rollout"),
        tag(
            "p",
            tag("strong", rollout.challenger),
            f" has {where} of the traffic ({steps}), {age(rollout.step_started_at, now)}",
        ),
        bar,
        tag("p", shortened(rollout.reason), class_="quiet") if rollout.reason else None,
        class_="fact",
    )


def _quality(quality: Quality) -> Html:
    return tag(
        "div",
        tag("h3", f"Live {quality.metric}"),
        tag(
            "p",
            tag("strong", f"{quality.values[-1]:.3f}"),
            f" until {quality.until[:16].replace('T', ' ')} on the data's clock",
        ),
        _line(quality.values),
        class_="fact",
    )


def _line(values: Sequence[float]) -> Html:
    low, high = min(values), max(values)
    span = high - low or 1.0
    step = _WIDTH / max(1, len(values) - 1)
    heights = [_HEIGHT - 4 - (value - low) / span * (_HEIGHT - 8) for value in values]
    points = " ".join(f"{number * step:.1f},{height:.1f}" for number, height in enumerate(heights))
    said = f"{len(values)} windows, from {low:.3f} to {high:.3f}"
    line = tag("polyline", points=points, fill="none", stroke_width=2, vector_effect="non-scaling-stroke")
    chart = tag(
        "svg",
        line,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        class_="line",
        role="img",
        aria_label=said,
    )
    return joined(chart, tag("p", said, class_="quiet"))


def _alerts(alerts: Sequence[Alert], now: datetime) -> Html:
    if not alerts:
        return tag("div", tag("h3", "Alerts"), tag("p", "None is open.", class_="quiet"), class_="fact")
    return tag(
        "div", tag("h3", f"Alerts ({len(alerts)})"), tag("ul", *(_alert(one, now) for one in alerts[:8])), class_="fact"
    )


def _alert(alert: Alert, now: datetime) -> Html:
    who = f", taken on by {alert.acknowledged_by}" if alert.acknowledged_by else ""
    return tag(
        "li",
        tag("span", alert.severity, class_=f"chip {alert.severity}"),
        f" {alert.finding.sentence} ",
        tag("span", f"{age(alert.opened_at, now)}{who}", class_="quiet"),
    )


def _event(event: Event, now: datetime, shown: set[int]) -> Html:
    said = sentence(event) or next((str(event.facts[key]) for key in _SAYING if event.facts.get(key)), "")
    by_data = f"{event.data_at:%Y-%m-%d}" if event.data_at and abs(event.data_at - event.at) > _APART else None
    return tag(
        "tr",
        tag("td", event.id, class_="number"),
        tag(
            "td",
            tag("time", age(event.at, now), datetime=event.at.isoformat(), title=event.at.isoformat(" ", "seconds")),
            tag("span", by_data, class_="said", title="on the data's clock") if by_data else None,
        ),
        tag("td", tag("b", event.kind), tag("span", shortened(said), class_="said") if said else None),
        tag("td", event.subject),
        tag("td", event.actor),
        tag("td", _cause(event.cause, shown)),
        id=f"event-{event.id}",
    )


def _cause(cause: int | None, shown: set[int]) -> Html:
    if cause is None:
        return tag("span", "–", class_="quiet")
    return tag(
        "a", f"#{cause}", href=f"#event-{cause}" if cause in shown else f"/api/v1/events?after={cause - 1}&limit=1"
    )
