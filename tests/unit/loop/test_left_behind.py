"""What a process that died left half done is done by the next look of the controller."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from loop_projects import house, run_in, write

from kaizenml.core.release import ReleaseState
from kaizenml.loop import concluding
from kaizenml.loop.releasing import PACKAGING_SECONDS, package_what_was_left


@pytest.mark.parametrize(
    ("age", "state"), [(0.0, ReleaseState.APPROVED), (PACKAGING_SECONDS + 1, ReleaseState.PACKAGED)]
)
def test_an_approved_release_that_nobody_packaged_is_packaged_later(tmp_path, monkeypatch, age, state):
    folder = write(tmp_path / "shop", "\nproject.serve(approval='policy')\n")

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    monkeypatch.setattr(concluding, "package", killed)
    with pytest.raises(Killed):
        run_in(folder)
    here = house(folder)

    class Later:
        def now(self):
            return here.clock.now() + timedelta(seconds=age)

    package_what_was_left(replace(here, clock=Later()))

    with here.records.reading() as books:
        assert books.releases.get("shop/1").state is state
