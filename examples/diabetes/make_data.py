"""Write `data/diabetes.csv` from the data set that comes with scikit-learn, as it was measured."""

import csv
from pathlib import Path

from sklearn.datasets import load_diabetes

MEASURED = (
    "age",
    "sex",
    "mass_index",
    "pressure",
    "cholesterol",
    "ldl",
    "hdl",
    "cholesterol_per_hdl",
    "ltg",
    "glucose",
)

patients = load_diabetes(scaled=False)
path = Path(__file__).parent / "data" / "diabetes.csv"
path.parent.mkdir(exist_ok=True)
with path.open("w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file)
    rows.writerow(["patient", *MEASURED, "progression"])
    for number, (measured, progression) in enumerate(zip(patients.data, patients.target, strict=True)):
        rows.writerow([f"p{number:03}", *(round(float(value), 4) for value in measured), progression])
