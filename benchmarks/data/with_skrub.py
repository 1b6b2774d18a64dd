"""Clean a table with skrub alone: Cleaner for types and nulls, deduplicate for the spelling of columns of few words.

Usage: python with_skrub.py IN.parquet OUT.parquet [COLUMN of words …]
"""

import sys
import warnings

import polars as pl
import skrub

#: Deduplicate compares every value with every other; columns of more take minutes.
MOST_VALUES = 400

warnings.filterwarnings("ignore")
source, target, *words = sys.argv[1:]
clean = skrub.Cleaner(drop_null_fraction=None).fit_transform(pl.read_parquet(source))
for name in words:
    said = clean[name].drop_nulls().cast(pl.String)
    if not 2 < said.n_unique() <= MOST_VALUES:
        continue
    try:
        right = list(skrub.deduplicate(said.to_list()))
    except ValueError:  # it found no two clusters: the column stays as it is
        continue
    mapping = dict(zip(said.to_list(), right, strict=True))
    mended = [mapping.get(value) for value in clean[name].cast(pl.String).to_list()]
    clean = clean.with_columns(pl.Series(name, mended, dtype=pl.String))
clean.write_parquet(target)
