"""Nouns and laws: standard library only; no clock, disk, network or randomness."""
