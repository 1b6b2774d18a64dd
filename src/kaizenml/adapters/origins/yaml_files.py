"""YAML files of a store: plain values only, of bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from kaizenml.adapters.origins.safe_files import content
from kaizenml.adapters.origins.words import plain
from kaizenml.errors import SourceError

_MOST_BYTES = 32 << 20
#: The reader in C where there is one: a tenth of the time. Both make plain values only, never objects.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def mapping(path: str) -> Mapping[str, Any]:
    """Return what a YAML file says.

    Raises
    ------
    SourceError
        When it is not there, too large, no YAML, or no mapping.
    """
    try:
        found = yaml.load(content(path, _MOST_BYTES), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise SourceError(f"it is no YAML ({' '.join(str(error).split())[:100]})") from error
    if not isinstance(found, dict):
        raise SourceError("it is empty" if found is None else "it is no mapping")
    return plain(found)
