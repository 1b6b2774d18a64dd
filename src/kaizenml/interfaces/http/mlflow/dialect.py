"""All routes of MLflow's protocol."""

from __future__ import annotations

from kaizenml.interfaces.http.mlflow.about import add_about
from kaizenml.interfaces.http.mlflow.artefacts import add_artefacts
from kaizenml.interfaces.http.mlflow.desk import Desk
from kaizenml.interfaces.http.mlflow.experiments import add_experiments
from kaizenml.interfaces.http.mlflow.metrics import add_metrics
from kaizenml.interfaces.http.mlflow.models import add_models
from kaizenml.interfaces.http.mlflow.registry import add_registry
from kaizenml.interfaces.http.mlflow.runs import add_runs
from kaizenml.interfaces.http.mlflow.table import Table
from kaizenml.interfaces.http.service import Service
from kaizenml.loop.wiring import House


def mlflow_table(service: Service) -> Table:
    """Return the routes; those that need more than books are there when the service has a house."""
    table = Table(service.records)
    add_about(table)
    house: House | None = getattr(service, "house", None)
    if house is not None:
        desk = Desk(house)
        for add in (add_experiments, add_runs, add_metrics, add_artefacts, add_models, add_registry):
            add(table, desk)
    return table
