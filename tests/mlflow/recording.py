"""What a client sends and is answered, recorded on the way; and sent again to others, with their own ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import httpx
from wire_replay import NAMES, plain_of

#: Headers that belong to one connection.
_OWN = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})


@dataclass(frozen=True)
class Exchange:
    """A request as a client sent it, and the JSON of its answer, where it is JSON."""

    method: str
    path: str
    kind: str
    body: bytes
    answer: Any


@contextmanager
def recorded(url: str) -> Iterator[tuple[str, list[Exchange]]]:
    """Stand before a server; give the address to call, and the list that fills with what passes."""
    found: list[Exchange] = []
    client, lock = httpx.Client(base_url=url, timeout=300), Lock()

    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self._body()
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            answer = client.request(self.command, self.path, content=body, headers=headers)
            is_json = answer.headers.get("content-type", "").startswith("application/json") and answer.content
            told = answer.json() if is_json else None
            with lock:
                found.append(Exchange(self.command, self.path, self.headers.get("content-type", ""), body, told))
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in (*_OWN, "content-encoding"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815  the library's words

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding", "") != "chunked":
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        client.close()


@dataclass
class Again:
    """A server to which recorded requests are sent, and what it calls the things that they are about."""

    url: str
    ids: dict[str, str] = field(default_factory=dict)
    experiments: dict[str, str] = field(default_factory=dict)

    def ask(self, client: httpx.Client, one: Exchange) -> tuple[int, Any]:
        """Return status and answer; of what is no JSON, its size."""
        content = one.body
        if not one.path.startswith("/api/2.0/mlflow-artifacts/artifacts/"):
            content = self._said(one.body.decode()).encode()
        headers = {"content-type": one.kind} if one.kind else {}
        found = client.request(one.method, f"{self.url}{self._said(one.path)}", content=content, headers=headers)
        is_json = found.headers.get("content-type", "").startswith("application/json") and found.content
        if not is_json:
            return found.status_code, found.status_code
        answer = found.json()
        self._learn(one.answer, answer)
        return found.status_code, self._plain(answer)

    def _learn(self, told: Any, answer: Any, name: str = "") -> None:
        """Note what this server calls the things that the recorded answer names."""
        if isinstance(told, dict) and isinstance(answer, dict):
            for key, value in told.items():
                self._learn(value, answer.get(key), key)
        elif isinstance(told, list) and isinstance(answer, list):
            for left, right in zip(told, answer, strict=False):
                self._learn(left, right, name)
        elif isinstance(told, str) and isinstance(answer, str) and told and name in NAMES:
            known = self.experiments if name == "experiment_id" else self.ids
            known.setdefault(told, answer)

    def _said(self, text: str) -> str:
        for one, own in self.ids.items():
            text = text.replace(one, own)
        for one, own in self.experiments.items():
            text = re.sub(rf'("experiment_ids?": ?\[?"){one}"', rf'\g<1>{own}"', text)
            text = re.sub(rf"(experiment_id=){one}\b", rf"\g<1>{own}", text)
            text = re.sub(
                rf"(mlflow-artifacts:/|/artifacts/|path=){one}(/|%2F)(?=\w{{32}}|models)", rf"\g<1>{own}\2", text
            )
            text = re.sub(rf"(,){one}(,)", rf"\g<1>{own}\2", text)  # in a prompt's list of experiments
        return text

    def _plain(self, answer: Any) -> Any:
        text = json.dumps(answer)
        for one, own in self.ids.items():
            text = text.replace(own, f"<{one}>")
        for one, own in self.experiments.items():
            text = re.sub(rf"mlflow-artifacts:/{own}/", f"mlflow-artifacts:/<{one}>/", text)
            text = re.sub(rf'("experiment_id": "){own}"', rf'\g<1><{one}>"', text)
            text = re.sub(rf'",{own},"', f'",<{one}>,"', text)
        return plain_of(json.loads(text))


def replayed(exchanges: Iterable[Exchange], *sides: Again) -> Iterator[tuple[Exchange, list[tuple[int, Any]]]]:
    """Send every request to every server; give what each answered."""
    with httpx.Client(timeout=300) as client:
        for one in exchanges:
            yield one, [side.ask(client, one) for side in sides]
