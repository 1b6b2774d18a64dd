"""Makes the house of the attacks known to the tests here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "attacks"))
