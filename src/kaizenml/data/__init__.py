"""Stage 1: ingest, clean, contract, infer, split, version."""
