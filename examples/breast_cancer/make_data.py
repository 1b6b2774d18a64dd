"""Write `data/samples.csv` from the data set that comes with scikit-learn."""

import csv
from pathlib import Path

from sklearn.datasets import load_breast_cancer

samples = load_breast_cancer()
path = Path(__file__).parent / "data" / "samples.csv"
path.parent.mkdir(exist_ok=True)
with path.open("w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file)
    rows.writerow(["sample", *(name.replace(" ", "_") for name in samples.feature_names), "is_malignant"])
    for number, (measured, is_benign) in enumerate(zip(samples.data, samples.target, strict=True)):
        rows.writerow([f"s{number:03}", *measured, "no" if is_benign else "yes"])
