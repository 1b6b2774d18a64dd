from __future__ import annotations

import pytest
from cli_calls import Kaizen, caller


@pytest.fixture
def kaizen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Kaizen:
    monkeypatch.delenv("KAIZEN_HOME", raising=False)
    return caller(capsys)
