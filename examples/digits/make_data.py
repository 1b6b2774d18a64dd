"""Write `data/digits.csv`: an image in each row, a pixel in each column, from the data that come with scikit-learn."""

import csv
from pathlib import Path

from sklearn.datasets import load_digits

digits = load_digits()
path = Path(__file__).parent / "data" / "digits.csv"
path.parent.mkdir(exist_ok=True)
with path.open("w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file)
    rows.writerow(["image", *(f"pixel_{row}_{column}" for row in range(8) for column in range(8)), "digit"])
    for number, (pixels, digit) in enumerate(zip(digits.data, digits.target, strict=True)):
        rows.writerow([f"d{number:04}", *(int(pixel) for pixel in pixels), f"is {digit}"])
