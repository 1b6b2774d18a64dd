"""What the server says of itself to MLflow's clients."""

from __future__ import annotations

from kaizenml.core.account import Permission
from kaizenml.interfaces.http.mlflow.owners import anybody
from kaizenml.interfaces.http.mlflow.reading import Message
from kaizenml.interfaces.http.mlflow.table import Table

#: The version of MLflow whose protocol is spoken here.
SPOKEN = "3.17.2"


class Nothing(Message):
    """A request without fields."""


def add_about(table: Table) -> None:
    """Add the routes."""
    table.call("GET", "/health", health, Nothing, permission=Permission.PUBLIC)
    table.call("GET", "/version", version, Nothing, permission=Permission.VIEW, of=anybody)
    table.call("GET", "/api/3.0/mlflow/server-info", server_info, Nothing, permission=Permission.VIEW, of=anybody)


def health(_told: Nothing) -> bytes:
    """Say that the server answers."""
    return b"OK"


def version(_told: Nothing) -> bytes:
    """Name the version of MLflow whose protocol is spoken."""
    return SPOKEN.encode()


def server_info(_told: Nothing) -> object:
    """Say what this server can do; clients ask before their first upload."""
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": True,
        "multipart_downloads_enabled": False,
        "artifact_serving_enabled": True,
        "presigned_upload_run_id_supported": True,
        "presigned_upload_model_id_supported": True,
        "features_enabled": {"gateway": False},
    }
