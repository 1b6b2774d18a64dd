"""What the sandbox's child is asked about a model: can it be loaded, and what is it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kaizenml.core.signature import Cell
from kaizenml.packaging.bundle import unpack
from kaizenml.packaging.formats import load_model


def bundled_model(content: bytes, rows: Sequence[Mapping[str, Cell]]) -> dict[str, object]:
    """Load the model in a bundle, and say what it is; none of the bundle's code runs.

    For `kaizenml.packaging.sandbox.try_load`, which hands over rows too; they are counted only.
    """
    bundle = unpack(content)
    kind = type(load_model(bundle.manifest.model_format, bundle.model))
    return {"kind": f"{kind.__module__}.{kind.__qualname__}", "rows": len(rows), "golden": len(bundle.golden.rows)}
