"""Write `data/wine.csv` from the data set that comes with scikit-learn."""

import csv
from pathlib import Path

from sklearn.datasets import load_wine

wine = load_wine()
columns = [name.replace("/", "_per_") for name in wine.feature_names]
path = Path(__file__).parent / "data" / "wine.csv"
path.parent.mkdir(exist_ok=True)
with path.open("w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file)
    rows.writerow(["wine", *columns, "grower"])
    for number, (measured, grower) in enumerate(zip(wine.data, wine.target, strict=True)):
        rows.writerow([f"w{number:03}", *measured, "ABC"[grower]])
