"""Requests about webhooks, right and wrong; addresses are numbers, so that no name has to be resolved."""
# ruff: noqa: E501  a request stays on its line, so that they can be read as a list

from __future__ import annotations

from typing import Any

from registry_cases import case, delete, get, patch, post
from wire_replay import Case

URL = "https://93.184.215.14/hooks?token=1"
MADE = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
TAGS = [{"entity": "MODEL_VERSION_TAG", "action": "SET"}, {"entity": "PROMPT_ALIAS", "action": "DELETED"}]
ALL = {
    "REGISTERED_MODEL": ["CREATED"], "MODEL_VERSION": ["CREATED"], "MODEL_VERSION_TAG": ["SET", "DELETED"],
    "MODEL_VERSION_ALIAS": ["CREATED", "DELETED"], "PROMPT": ["CREATED"], "PROMPT_VERSION": ["CREATED"],
    "PROMPT_TAG": ["SET", "DELETED"], "PROMPT_VERSION_TAG": ["SET", "DELETED"],
    "PROMPT_ALIAS": ["CREATED", "DELETED"], "BUDGET_POLICY": ["EXCEEDED"],
}  # fmt: skip


def create(name: str, /, known_as: str = "", **change: Any) -> Case:
    """Return a request for a webhook with something changed, and remember under which word its id is known."""
    keep = {known_as: "webhook.webhook_id"} if known_as else {}
    body = {"name": "hook", "url": URL, "events": MADE} | change
    return case(
        name, "POST", "webhooks", {key: value for key, value in body.items() if value is not None}, None, **keep
    )


def made() -> list[Case]:
    everything = [{"entity": entity, "action": action} for entity, actions in ALL.items() for action in actions]
    return [
        get("webhooks before any", "webhooks"),
        create("a webhook", "hook", name="Ci.build_7-a", events=TAGS, description="builds", secret="s3cret"),
        get("a webhook by its id", "webhooks/$hook"),
        create("a webhook of a name that another has", "second", name="Ci.build_7-a"),
        create("a webhook for everything", "third", events=everything),
        create("a disabled webhook", "fourth", status="DISABLED"),
        create("a webhook with empty things", "fifth", description="", secret="", status="ACTIVE"),
        get("webhooks", "webhooks"),
        get("a page of webhooks", "webhooks", max_results=2),
        get("the next page of webhooks", "webhooks", max_results=2, page_token="eyJvZmZzZXQiOiAyfQ=="),
        get("the last page of webhooks", "webhooks", max_results=2, page_token="eyJvZmZzZXQiOiA0fQ=="),
        get("webhooks behind the last", "webhooks", page_token="eyJvZmZzZXQiOiA5fQ=="),
        get("a page of no webhooks", "webhooks", max_results=0),
        get("a page of too many webhooks", "webhooks", max_results=1001),
        get("a page of a thousand webhooks", "webhooks", max_results=1000),
        get("a page of fewer than no webhooks", "webhooks", max_results=-1),
        get("a page of words", "webhooks", max_results="many"),
        get("a page of webhooks by a token that is none", "webhooks", page_token="none"),
    ]  # fmt: skip


def refused() -> list[Case]:
    long = "x" * 63
    return [
        post("a webhook of nothing", "webhooks"),
        create("a webhook without name", name=None),
        create("a webhook with an empty name", name=""),
        *(create(f"a webhook called {name!r}", name=name) for name in ("-a", "a-", "a b", "ä", "a\n", "a/b", "_", f"{long}x", "..")),
        create("a webhook with the longest name", "sixth", name=long),
        create("a webhook whose name is a number", name=7),
        create("a webhook without address", url=None),
        create("a webhook with an empty address", url=""),
        create("a webhook with blanks as address", url="  "),
        create("a webhook whose address is a number", url=7),
        *(create(f"a webhook to {url!r}", url=url) for url in ("ftp://93.184.215.14/", "93.184.215.14/hooks", "https://", "https:///hooks", "https://[::1", "mailto:ada@example.org")),
        *(create(f"a webhook to an address that is not called: {url}", url=url) for url in ("https://127.0.0.1/", "https://10.1.2.3/x", "https://[::1]/", "https://169.254.169.254/latest", "https://nosuch.invalid/x")),
        create("a webhook without TLS to an address that is not called", url="http://93.184.215.14/"),
        create("a webhook without a list of events", events=None),
        create("a webhook with no events", events=[]),
        create("a webhook with a word as events", events="registered_model.created"),
        create("a webhook for what cannot happen", events=[{"entity": "REGISTERED_MODEL", "action": "SET"}]),
        create("a webhook for what cannot happen to a tag", events=[{"entity": "MODEL_VERSION_TAG", "action": "CREATED"}]),
        create("a webhook for what cannot happen to a budget", events=[{"entity": "BUDGET_POLICY", "action": "UPDATED"}]),
        create("an unknown thing of a webhook", events=[{"entity": "ROBOT", "action": "SET"}]),
        create("an unknown act of a webhook", events=[{"entity": "PROMPT", "action": "SUNG"}]),
        create("nothing as an event of a webhook", events=[{}]),
        create("a webhook with a number as secret", secret=7),
        create("a webhook with a number as description", description=7),
        create("a webhook with the longest description", "seventh", description="d" * 1000),
    ]  # fmt: skip


def changed() -> list[Case]:
    return [
        patch("a webhook's name", "webhooks/$hook", name="other"),
        patch("a webhook's description", "webhooks/$hook", description="what it is for"),
        patch("a webhook's description taken away", "webhooks/$hook", description=""),
        patch("a webhook's address", "webhooks/$hook", url="https://93.184.215.15/"),
        patch("a webhook's events", "webhooks/$hook", events=[{"entity": "PROMPT", "action": "CREATED"}]),
        patch("a webhook's secret", "webhooks/$hook", secret="another"),
        patch("a webhook's secret taken away", "webhooks/$hook", secret=""),
        patch("a webhook disabled", "webhooks/$hook", status="DISABLED"),
        patch("a webhook disabled twice", "webhooks/$hook", status="DISABLED"),
        get("a disabled webhook by its id", "webhooks/$hook"),
        patch("a webhook active again", "webhooks/$hook", status="ACTIVE"),
        patch("nothing of a webhook", "webhooks/$hook"),
        patch("empty things of a webhook", "webhooks/$hook", name="", url="", events=[]),
        patch("a webhook's name that is none", "webhooks/$hook", name="-"),
        patch("a webhook's address that is none", "webhooks/$hook", url="ftp://93.184.215.14/"),
        patch("a webhook's address changed to an address that is not called", "webhooks/$hook", url="https://127.0.0.1/"),
        patch("a webhook's events that cannot be", "webhooks/$hook", events=[{"entity": "PROMPT", "action": "SET"}]),
        patch("a webhook's name that is a number", "webhooks/$hook", name=7),
        get("a webhook that was changed", "webhooks/$hook"),
        get("a webhook that is not there", "webhooks/7"),
        patch("a webhook that is not there changed", "webhooks/7", name="-"),
        delete("a webhook that is not there deleted", "webhooks/7"),
        post("a webhook that is not there tested", "webhooks/7/test"),
        post("a webhook tested for what cannot happen", "webhooks/$hook/test", event={"entity": "PROMPT", "action": "SET"}),
        delete("a webhook deleted", "webhooks/$hook"),
        delete("a webhook deleted twice", "webhooks/$hook"),
        get("a deleted webhook", "webhooks/$hook"),
        patch("a deleted webhook changed", "webhooks/$hook", name="again"),
        get("webhooks without the deleted one", "webhooks"),
        create("an unknown status of a webhook", status="PAUSED"),
        create("an unknown status of a webhook, a number", status=1),
        create("the long description of a webhook", description="d" * 1001),
    ]  # fmt: skip


GROUPS = {"webhooks": [*made(), *refused(), *changed()]}
