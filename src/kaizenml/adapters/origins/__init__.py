"""Stores of MLflow's that an import reads: a folder, a database, a server. Nothing of MLflow is needed."""
