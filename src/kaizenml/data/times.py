"""Times as people write them: one column may mix formats; what is written without a zone is in the plan's zone."""

from __future__ import annotations

import polars as pl

from kaizenml.core.plan import TimeStyle

UTC = pl.Datetime("us", "UTC")

#: Unambiguous, so that every column of times takes them: what programs send to an endpoint.
ISO = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")

#: The ``T`` of ISO 8601, which becomes a blank before a format is tried.
ISO_T = "^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]"

#: Years outside are misread two-digit years, or typing errors.
FIRST_YEAR, LAST_YEAR = 1000, 2999


def parsed_time(text: pl.Expr, style: TimeStyle) -> pl.Expr:
    """Return the times in UTC that folded texts say in any of the formats, null where they say none.

    Where several formats could be meant, the first one counts.
    """
    bare = text.str.replace(ISO_T, "${1} ")
    return pl.coalesce(parsed_in(bare, form, style.zone) for form in dict.fromkeys((*style.formats, *ISO)))


def first_parsed_time(text: pl.Expr, style: TimeStyle) -> pl.Expr:
    """Return the times that the first format reads; what `parsed_time` returns for them, at a fraction of the cost."""
    form = next(iter((*style.formats, *ISO)))
    return parsed_in(text.str.replace(ISO_T, "${1} "), form, style.zone)


def parsed_in(text: pl.Expr, form: str, zone: str = "UTC") -> pl.Expr:
    """Return the times in UTC that texts say in this one format, null where they say none."""
    if "z" in form:
        moment = text.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")
    else:
        moment = in_utc(text.str.to_datetime(form, strict=False, time_unit="us"), zone)
    return pl.when(moment.dt.year().is_between(FIRST_YEAR, LAST_YEAR)).then(moment)


def in_utc(moment: pl.Expr, zone: str) -> pl.Expr:
    """Return times without a zone as those of this zone, in UTC; an hour that a zone skips is null."""
    placed = moment.cast(pl.Datetime("us")).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return placed.dt.convert_time_zone("UTC")
