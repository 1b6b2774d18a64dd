"""An event is told in a line that says what changed."""

from __future__ import annotations

import pytest

from clocks import NOW
from kaizenml.core.event import Draft, Kind, chained
from kaizenml.loop.reporting import sentence


@pytest.mark.parametrize(
    ("version", "says"), [(3, "live is version 3"), (None, "live is no version any more")], ids=["moved", "taken away"]
)
def test_a_moved_alias_is_told_with_its_name_and_where_it_points(version, says):
    facts = {"alias": "live", "version": version, "before": 2}
    event = chained(Draft("shop", "person:ada", Kind.ALIAS_MOVED, "model:shop", None, None, facts), after=None, at=NOW)

    assert sentence(event) == says
