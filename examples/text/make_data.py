"""Write `data/texts.csv`: what numpy, polars, scikit-learn and scipy say of their own functions, a text for each."""

import csv
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

MODULES = {
    "numpy": ("numpy", "numpy.fft", "numpy.linalg", "numpy.ma", "numpy.polynomial.polynomial", "numpy.strings"),
    "polars": ("polars",),
    "scikit-learn": (
        "sklearn.cluster", "sklearn.decomposition", "sklearn.ensemble", "sklearn.feature_selection",
        "sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection", "sklearn.neighbors",
        "sklearn.preprocessing", "sklearn.svm", "sklearn.tree",
    ),
    "scipy": ("scipy.linalg", "scipy.ndimage", "scipy.optimize", "scipy.signal", "scipy.sparse", "scipy.stats"),
}  # fmt: skip
#: What would give the answer away by name.
NAMES = re.compile(r"\b(numpy|np|polars|pl|scikit-learn|sklearn|scipy|pandas)\b", re.IGNORECASE)
FEWEST_WORDS, LONGEST = 6, 600


def documented(module: object) -> Iterator[str]:
    """Yield the documentation of every public function, class and method of a module."""
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or not callable(value):
            continue
        yield inspect.getdoc(value) or ""
        if inspect.isclass(value):
            yield from (inspect.getdoc(m) or "" for n, m in sorted(vars(value).items()) if n[0] != "_" and callable(m))


def prose(text: str) -> str:
    """Return the first paragraphs without code, headings and names of libraries, on one line."""
    lines = []
    for line in text.splitlines():
        if set(line.strip()) in ({"-"}, {"="}) or line.lstrip().startswith((">>>", "...", "..")):
            break
        lines.append(line)
    return NAMES.sub("", " ".join(" ".join(lines).removesuffix("Parameters").split()))[:LONGEST]


rows: dict[str, str] = {}
for library, names in MODULES.items():
    for module in map(importlib.import_module, names):
        for text in map(prose, documented(module)):
            if len(text.split()) >= FEWEST_WORDS:
                rows.setdefault(text, library)

path = Path(__file__).parent / "data" / "texts.csv"
path.parent.mkdir(exist_ok=True)
with path.open("w", newline="", encoding="utf-8") as file:
    table = csv.writer(file)
    table.writerow(["text_id", "text", "library"])
    table.writerows([f"t{number:04}", text, library] for number, (text, library) in enumerate(sorted(rows.items())))
