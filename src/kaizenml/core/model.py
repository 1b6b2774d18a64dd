"""One trained artefact in the registry, with its lineage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kaizenml.core.digest import Digest
from kaizenml.core.metric import Estimate
from kaizenml.core.signature import Signature


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One trained artefact under a name, with all that it was made from.

    ``bundle`` is the digest of the archive that holds model, cleaning plan, contract, project code, golden rows and
    reference profile. ``trained_until`` is the newest event time among its training rows.
    """

    model: str
    number: int
    project: str
    run: str
    snapshot: str
    bundle: Digest
    signature: Signature
    metrics: Mapping[str, Estimate]
    created_at: datetime
    rows: int
    trained_until: datetime | None = None
    tested_until: datetime | None = None

    @property
    def name(self) -> str:
        """How people call it: ``flights:3``."""
        return f"{self.model}:{self.number}"
