"""Settings: `kaizen.toml`, then `KAIZEN_*`, then flags. Read once, by `wiring`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kaizenml.core.address import Allowed, allowed, is_private
from kaizenml.core.person import roles_by_group
from kaizenml.core.place import Bucket, place_of
from kaizenml.core.registered import PROTECTED
from kaizenml.core.subscription import checked_address
from kaizenml.errors import NotFoundError, SettingError, UsageError, bounded, close_match

#: Where steps can run.
RUNNERS = ("local", "pool", "ray")
_SHORTEST_KEY = 32
_RAY_ADDRESS = re.compile(r"ray:(//)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}")

#: Every setting, its default and what it says.
KNOWN: dict[str, tuple[str, str]] = {
    "home": (".kaizen", "folder of everything that is remembered, seen from the project"),
    "database": ("", "where metadata live: sqlite:///PATH or postgresql://… (default: a file in the home)"),
    "store": ("", "where tables and blobs live: file:///PATH or s3://BUCKET/PREFIX?endpoint=… (default: in the home)"),
    "cache": ("", "folder of the kept results of steps, which homes may share (default: in the home)"),
    "runner": ("local", "where steps run: local, pool (a process for each), ray, or ray://HOST:PORT"),
    "notify": ("", "where to tell what people should know: addresses of Apprise or webhooks, with blanks between them"),
    "notify_allow": (
        "",
        "networks and hosts beside public ones that may be told, also without TLS: 10.0.0.0/8 hooks.lan",
    ),
    "url": ("", "how people reach the control plane, for links in messages (default: http://HOST:PORT)"),
    "token": ("", "a token that opens everything, of 16 characters or more (default: there is none)"),
    "oidc": ("", "identity provider that people sign in with: its issuer, https://… (default: nobody signs in)"),
    "oidc_client": ("", "how the identity provider knows this server"),
    "oidc_secret": ("", "what this server proves that with (default: nothing; PKCE is used either way)"),
    "oidc_roles": ("", "which group has which roles: admins=admin, data team=churn:developer+churn:approver"),
    "oidc_groups": ("groups", "the claim that tells of somebody's groups"),
    "oidc_name": ("", "the claim by which people are called (default: their verified e-mail address, or else sub)"),
    "key": ("", "what approvals are sealed with, where several homes share one database (default: a file in the home)"),
    "protected": (" ".join(PROTECTED), "aliases of models, and stages, that move only with an approval"),
    "server": ("", "control plane that tracked runs are sent to: http://HOST:8400 (default: this home's records)"),
    "host": ("127.0.0.1", "where to listen"),
    "port": ("8400", "port of the control plane"),
    "predict_port": ("8401", "port of the data plane"),
    "clock": ("wall", "wall, or data: the time of the newest rows, for replays of the past"),
    "stream_mb": ("256", "megabytes of files above which data are taken part by part, in bounded memory"),
    "train_rows": ("500000", "most rows that a model is trained on when the data are taken part by part"),
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people sign in: with whom, as which client, and what their groups let them do."""

    issuer: str
    client: str
    secret: str = field(repr=False)
    by_group: Mapping[str, tuple[str, ...]]
    groups: str
    name: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process was told, complete and checked."""

    folder: Path
    home: Path
    database: str = field(repr=False)  # it may carry a password
    store: Path | Bucket
    cache: Path
    runner: str
    notify: str = field(repr=False)
    notify_allow: Allowed
    url: str
    token: str = field(repr=False)
    sign_in: SignIn | None
    key: str = field(repr=False)
    protected: tuple[str, ...]
    server: str
    host: str
    port: int
    predict_port: int
    is_replay: bool
    stream_bytes: int
    train_rows: int

    @property
    def serving(self) -> Path:
        """Where control plane and data plane meet: routes, status, and the log of answered requests."""
        return self.home / "serving"


def settings(folder: Path, environment: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the project in a folder.

    Raises
    ------
    SettingError
        For a setting that nobody knows, or a value that cannot be.
    """
    values = {name: default for name, (default, _) in KNOWN.items()}
    values |= _from_file(folder / "kaizen.toml")
    values |= {name: environment[f"KAIZEN_{name.upper()}"] for name in KNOWN if f"KAIZEN_{name.upper()}" in environment}
    values |= {name: value for name, value in (flags or {}).items() if value}
    return _checked(folder, values)


def is_runner(name: str) -> bool:
    """Say whether this names a place where steps can run: one of `RUNNERS`, or the address of a cluster."""
    return name in RUNNERS or _RAY_ADDRESS.fullmatch(name) is not None


def checked_runner(name: str) -> str:
    """Return the name of a place where steps can run; `NotFoundError` with the known ones for another."""
    if not is_runner(name):
        raise NotFoundError("runner", name, (*RUNNERS, "ray://HOST:PORT"))
    return name


def _from_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path.name} cannot be read: {error}.", "Mend that line; it must be TOML.") from error
    for name in found:
        if name not in KNOWN:
            offer = close_match(name, KNOWN)
            hint = f"Did you mean {offer!r}?" if offer else f"Known: {bounded(KNOWN, 12)}."
            raise SettingError(f"{path.name} sets {name!r}, which is no setting.", hint)
    return {name: " ".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in found.items()}


def _checked(folder: Path, values: Mapping[str, str]) -> Settings:
    home = (folder / values["home"]).resolve()
    if values["clock"] not in ("wall", "data"):
        raise SettingError(f"clock={values['clock']!r} cannot be.", 'It is "wall" or "data".')
    if not is_runner(values["runner"]):
        raise SettingError(
            f"runner={values['runner']!r} cannot be.", 'It is "local", "pool", "ray" or "ray://HOST:PORT".'
        )
    database = values["database"] or f"sqlite:///{home / 'kaizen.db'}"
    if not database.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise SettingError(
            f"database={redacted(database)!r} cannot be.",
            "It is sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE.",
        )
    if values["port"] == values["predict_port"]:
        raise SettingError(f"port and predict_port are both {values['port']}.", "Give each a port of its own.")
    return Settings(
        folder=folder.resolve(),
        home=home,
        database=database,
        store=place_of(values["store"]) if values["store"] else home,
        cache=(folder / (values["cache"] or home / "cache")).resolve(),
        runner=values["runner"],
        notify=_addresses(values["notify"]),
        notify_allow=allowed(values["notify_allow"].replace(",", " ").split()),
        url=_web("url", values["url"]) or f"http://{shown_host(values['host'])}:{values['port']}",
        token=values["token"],
        sign_in=_sign_in(values),
        key=_key(values["key"]),
        protected=tuple(values["protected"].replace(",", " ").split()),
        server=_web("server", values["server"]),
        host=values["host"],
        port=_port("port", values["port"]),
        predict_port=_port("predict_port", values["predict_port"]),
        is_replay=values["clock"] == "data",
        stream_bytes=_count("stream_mb", values["stream_mb"], least=0) * 1_000_000,
        train_rows=_count("train_rows", values["train_rows"], least=1_000),
    )


def _port(name: str, text: str) -> int:
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise SettingError(f"{name}={text!r} is no port.", "Give a number from 1 to 65535.")


def _sign_in(values: Mapping[str, str]) -> SignIn | None:
    named = [name for name in ("oidc_client", "oidc_secret", "oidc_roles") if values[name]]
    if not values["oidc"]:
        if named:
            raise SettingError(f"{named[0]} is set, and no identity provider.", "Set oidc to its issuer, or neither.")
        return None
    if not is_private(values["oidc"]):
        raise SettingError(f"oidc={redacted(values['oidc'])!r} cannot be.", "It is https://HOST/…, as it calls itself.")
    if values["url"] and not is_private(values["url"]):
        raise SettingError(
            f"People would sign in at {redacted(values['url'])} without TLS.",
            "Set url to https://HOST, behind a proxy.",
        )
    if not values["url"] and not is_private(f"http://{shown_host(values['host'])}"):
        raise SettingError("Nobody can sign in at an address without TLS.", "Set url to https://HOST, behind a proxy.")
    for name in ("oidc_client", "oidc_roles"):
        if not values[name]:
            raise SettingError(f"oidc is set, and no {name}.", f"Set {name}: {KNOWN[name][1]}.")
    try:
        by_group = roles_by_group(values["oidc_roles"])
    except UsageError as error:
        raise SettingError(f"oidc_roles cannot be read: {error.message}", error.hint) from error
    return SignIn(values["oidc"], values["oidc_client"], values["oidc_secret"], by_group, values["oidc_groups"],
                  values["oidc_name"])  # fmt: skip


def _addresses(text: str) -> str:
    """Return addresses as they were given, each checked as far as that can be done without asking anybody."""
    for at, address in enumerate(text.split(), start=1):
        try:
            checked_address(address)
        except UsageError as error:
            raise SettingError(f"Address {at} in notify: {error.message}", error.hint) from error
    return text


def _key(text: str) -> str:
    if text and len(text) < _SHORTEST_KEY:
        raise SettingError(
            f"The key has {len(text)} characters; it needs {_SHORTEST_KEY} or more.",
            'Make one with `python -c "import secrets; print(secrets.token_hex())"`.',
        )
    return text


def _web(name: str, url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise SettingError(f"{name}={redacted(url)!r} cannot be.", "It is http://HOST:PORT or https://HOST.")
    return url.rstrip("/")


def shown_host(host: str) -> str:
    """Return a host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _count(name: str, text: str, *, least: int) -> int:
    if text.isdigit() and int(text) >= least:
        return int(text)
    raise SettingError(f"{name}={text!r} cannot be.", f"Give a whole number, {least:,} or more.")


def redacted(url: str) -> str:
    """Return the URL without what stands before the @, which may be a secret."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}…@{rest.rsplit('@', 1)[1]}" if "@" in rest else url
