"""The control plane, listening."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

import httpx
import pytest
from control_house import CLIENT, TOKEN, filled_house

from kaizenml.errors import SettingError
from kaizenml.interfaces.http.server import serve_control_plane


def test_it_answers_for_as_long_as_the_block_lasts() -> None:
    stop = threading.Event()

    with serve_control_plane(filled_house(), host="127.0.0.1", port=0, stop=stop) as url:
        answer = CLIENT.get(f"{url}/health/live")
        assert not stop.is_set()

    assert answer.status_code == 200
    assert "server" not in answer.headers
    assert stop.is_set()
    with pytest.raises(httpx.ConnectError):
        CLIENT.get(f"{url}/health/live")


def test_a_port_that_is_taken_is_a_clear_error() -> None:
    with serve_control_plane(filled_house(), host="127.0.0.1", port=0) as url:
        taken = urlsplit(url).port or 0
        with (
            pytest.raises(SettingError, match=f"on 127.0.0.1:{taken}: Address already in use.\\n`kaizen up` may be"),
            serve_control_plane(filled_house(), host="127.0.0.1", port=taken),
        ):
            pass


def test_nobody_acts_without_a_token_where_others_can_reach_it() -> None:
    with serve_control_plane(filled_house(), host="0.0.0.0", port=0) as url:
        local = url.replace("0.0.0.0", "127.0.0.1")
        assert CLIENT.get(f"{local}/api/v1/runs").status_code == 401
        assert CLIENT.get(f"{local}/health/live").status_code == 200
    with serve_control_plane(filled_house(), host="0.0.0.0", port=0, token=TOKEN) as url:
        local = url.replace("0.0.0.0", "127.0.0.1")
        assert CLIENT.get(f"{local}/api/v1/runs").status_code == 401
        assert CLIENT.get(f"{local}/api/v1/runs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
