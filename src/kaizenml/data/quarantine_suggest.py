"""What a broken cell was probably meant to say: offered to a person, never put in place by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl

from kaizenml.core.contract import ColumnRule, Contract, Rule, Severity
from kaizenml.core.plan import CleaningPlan, ColumnPlan
from kaizenml.core.schema import ColumnKind
from kaizenml.data.clean import replay
from kaizenml.data.enforce import enforce
from kaizenml.data.numbers import in_style

#: So many different broken cells of a column are looked into.
_MOST = 2_000
_LOOK_ALIKE = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1"})
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9.,' ]*[0-9]|[0-9])")
_SCALES = (-1.0, 1e-3, 1e3, 1e-2)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_COMPACT = ("%Y%m%d", "%d%m%Y", "%m%d%Y")


def suggestions(plan: CleaningPlan, contract: Contract, bad: pl.DataFrame) -> list[str | None]:
    """Return for each broken rule the value that would keep it, None where none or more than one could be meant.

    Every value that is offered can be read by the plan and keeps the contract, its soft rules too.

    Parameters
    ----------
    bad
        Lines as `enforce` returns them.
    """
    known: dict[tuple[str, str, str], str | None] = {}
    for name in bad["column"].unique().to_list():
        if name in plan.names and name in contract.names:
            lines = bad.filter((pl.col("column") == name) & pl.col("value").is_not_null())
            pairs = lines.select("rule", "value").unique(maintain_order=True).head(_MOST).rows()
            known |= {(name, *pair): offer for pair, offer in _offers(plan, contract, name, pairs)}
    return [known.get(key) for key in bad.select("column", "rule", "value").rows()]


def _offers(
    plan: CleaningPlan, contract: Contract, name: str, pairs: Sequence[tuple[str, str]]
) -> Iterator[tuple[tuple[str, str], str | None]]:
    found = [(pair, text) for pair in pairs for text in candidates(Rule(pair[0]), pair[1], plan[name], contract[name])]
    is_good = _keeps(plan.only([name]), contract.only([name]), [text for _, text in found])
    good: dict[tuple[str, str], list[str]] = {pair: [] for pair in pairs}
    for (pair, text), passes in zip(found, is_good, strict=True):
        good[pair] += [text] if passes else []
    return ((pair, texts[0] if len(set(texts)) == 1 else None) for pair, texts in good.items())


def _keeps(plan: CleaningPlan, contract: Contract, texts: list[str]) -> list[bool]:
    if not texts:
        return []
    raw = pl.DataFrame({plan.names[0]: texts}, schema={plan.names[0]: pl.String})
    cleaned = replay(plan, raw)
    rule = replace(contract.columns[0], on_range=Severity.HARD, on_category=Severity.HARD)
    bad = set(enforce(Contract((rule,)), cleaned).bad["row"].to_list())
    return [at not in bad and cell is not None for at, cell in enumerate(cleaned.frame[rule.column].to_list())]


def candidates(rule: Rule, text: str, plan: ColumnPlan, held: ColumnRule) -> list[str]:
    """Return what a cell may have been meant to say, by the rule that it broke and the kind of its column."""
    if rule is Rule.CATEGORY:
        return _nearest(text, sorted(held.categories or ()))
    if rule is Rule.RANGE:
        return _scaled(float(text), held, plan)
    if rule is not Rule.TYPE:
        return []
    if plan.kind in (ColumnKind.NUMBER, ColumnKind.INTEGER):
        return [in_style(number, plan.number).removesuffix(".0") for number in _numbers(text)]
    if plan.kind is ColumnKind.TIME:
        return [found.isoformat() for found in sorted(set(_dates(text)))]
    if plan.kind is ColumnKind.BOOLEAN:
        return _nearest(text, sorted((*plan.true_tokens, *plan.false_tokens)), most=1)
    return []


def _nearest(text: str, known: list[str], most: int = 2) -> list[str]:
    """Return the known words at the least distance, when that is small beside their length."""
    from rapidfuzz.distance import DamerauLevenshtein

    distances = {word: DamerauLevenshtein.distance(text.casefold(), word.casefold()) for word in known}
    least = min(distances.values(), default=most + 1)
    return [word for word in known if distances[word] == least <= min(most, len(word) // 3)]


def _scaled(value: float, held: ColumnRule, plan: ColumnPlan) -> list[str]:
    """Return the value with the other sign or in a unit a hundred or thousand times larger or smaller."""
    low = held.low if held.low is not None else float("-inf")
    high = held.high if held.high is not None else float("inf")
    fitting = [round(value * scale, 12) for scale in _SCALES if low <= value * scale <= high]
    return [in_style(number, plan.number).removesuffix(".0") for number in fitting]


def _numbers(text: str) -> Iterator[float]:
    """Return the numbers that a text with stray letters may say: ``12O``, ``12,5 mm``, ``~1.200``."""
    mended = re.sub(r"(?<=[0-9.,])[OolI](?![a-zA-Z])|(?<![a-zA-Z])[OolI](?=[.,]?[0-9])", _look_alike, text)
    found = _NUMBER.findall(mended)
    if len(found) != 1:
        return
    digits = re.sub(r"[' ]", "", found[0])
    digits = re.sub(r"([.,])\1+", r"\1", digits)
    for mark in {mark for mark in ".," if mark in digits} or {"."}:
        plain = digits.replace("," if mark == "." else ".", "").replace(mark, ".")
        is_grouped = re.fullmatch(r"[-+]?[0-9]{1,3}(?:[.,][0-9]{3})+", digits) is not None
        for candidate in {plain, re.sub("[.,]", "", digits) if is_grouped else plain}:
            if candidate.count(".") <= 1:
                yield float(candidate)


def _look_alike(found: re.Match[str]) -> str:
    return found[0].translate(_LOOK_ALIKE)


def _dates(text: str) -> Iterator[date]:
    """Return the days that a text may say with its parts in any order, a name for the month, or digits alone."""
    lower = text.lower()
    months = [at for at, name in enumerate(_MONTHS, start=1) if re.search(rf"(?<![a-z]){name}", lower)]
    parts = [int(part) for part in re.findall("[0-9]+", text)[:3]]
    if len(months) == 1 and len(parts) >= 2:
        yield from _days([(parts[0], parts[1]), (parts[1], parts[0])], months[0])
    elif len(parts) == 3:
        a, b, c = parts
        for year, month, day in ((a, b, c), (a, c, b), (c, b, a), (c, a, b)):
            yield from _days([(day, year)], month)
    elif re.fullmatch("[0-9]{8}", text):
        yield from _compact(text)
    elif re.fullmatch("1[0-9]{9}", text):
        yield datetime.fromtimestamp(int(text), UTC).date()


def _days(pairs: list[tuple[int, int]], month: int) -> Iterator[date]:
    for day, year in pairs:
        full = year + (2000 if year < 70 else 1900) if year < 100 else year
        if 1 <= month <= 12 and 1 <= day <= 31 and 1000 <= full <= 2999:
            try:
                yield date(full, month, day)
            except ValueError:
                continue


def _compact(text: str) -> Iterator[date]:
    for form in _COMPACT:
        try:
            found = datetime.strptime(text, form).date()
        except ValueError:
            continue
        if 1900 <= found.year <= 2199:
            yield found
