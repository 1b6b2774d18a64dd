"""All routes of MLflow's protocol."""

from __future__ import annotations

from kaizenml.interfaces.http.mlflow.about import add_about
from kaizenml.interfaces.http.mlflow.table import Table
from kaizenml.interfaces.http.service import Service
from kaizenml.loop.wiring import House


def mlflow_table(service: Service) -> Table:
    """Return the routes; those that need more than books are there when the service has a house."""
    table = Table()
    add_about(table)
    house: House | None = getattr(service, "house", None)
    if house is not None:
        pass
    return table
