"""Messages to people by Apprise, each sent by a process of its own.

Apprise talks to its services through libraries that know nothing of which addresses may be called, and may hang. So it
runs in a child that judges every connection, holds nothing of this process but the one message, and is killed when it
takes too long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec

from kaizenml.core.address import Allowed
from kaizenml.core.extras import EXTRAS
from kaizenml.core.notice import Answer, Notice, Target
from kaizenml.errors import SettingError, UnavailableError, UsageError

#: From the start of the process to its word; a child that takes longer is killed.
TIMEOUT_SECONDS = 75.0
_CHILD = (sys.executable, "-P", "-m", "kaizenml.adapters.apprise_process")
#: What the child sees of the environment: where its libraries, its language and its certificates are.
_SEEN = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class AppriseNotifier:
    """Sends notices as messages.

    Parameters
    ----------
    but
        What may be called beside public addresses.
    timeout_seconds
        For so long a message may take.
    """

    but: Allowed
    timeout_seconds: float = TIMEOUT_SECONDS

    def send(self, notice: Notice, target: Target, now: datetime) -> Answer:  # noqa: ARG002  its services sign otherwise
        """Send one message, and return what came of it."""
        if find_spec("apprise") is None:
            return Answer(None, f"Apprise is not installed. {_install()}")
        said = {"title": notice.title, "text": f"{notice.text}\n{notice.link}", "tone": str(notice.tone)}
        answer = self._asked({"address": target.address, **said})
        return Answer(None, str(answer.get("said", "")), has_arrived=answer.get("has_arrived") is True)

    def check(self, address: str) -> None:
        """Check that Apprise knows what to do with an address.

        Raises
        ------
        SettingError
            When Apprise is not installed.
        UnavailableError
            When it does not answer.
        UsageError
            When the address is none of its; the message does not repeat it.
        """
        if find_spec("apprise") is None:
            raise SettingError("This address needs Apprise, which is not installed.", _install())
        answer = self._asked({"address": address})
        if "is_known" not in answer:
            raise UnavailableError(f"Apprise could not be asked. {answer.get('said', '')}", "Try again in a moment.")
        if not answer["is_known"]:
            raise UsageError(
                "Apprise does not know this address.",
                "Its services and their addresses: https://appriseit.com/services/",
            )

    def _asked(self, order: Mapping[str, object]) -> Mapping[str, object]:
        but = {"hosts": sorted(self.but.hosts), "networks": [str(each) for each in self.but.networks]}
        given = json.dumps({**order, "but": but, "parent": os.getpid()}).encode()
        seen = {name: os.environ[name] for name in _SEEN if name in os.environ}
        try:
            done = subprocess.run(
                _CHILD, input=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=self.timeout_seconds,
                env={**seen, "HOME": "/", "NETRC": os.devnull}, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {"said": f"Sending took more than {self.timeout_seconds:g} s."}
        try:
            found = json.loads(done.stdout)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {"said": f"The sending process ended with {done.returncode}."}


def _install() -> str:
    return f"Install it: `python -m pip install 'kaizenml[{EXTRAS['apprise']}]'`."
