"""The control plane: what happened, what is, and what a person may do about it, over HTTP."""

from __future__ import annotations

from kaizenml.interfaces.http.access import Access, Permission
from kaizenml.interfaces.http.app import create_app
from kaizenml.interfaces.http.service import Service

__all__ = ["Access", "Permission", "Service", "create_app"]
