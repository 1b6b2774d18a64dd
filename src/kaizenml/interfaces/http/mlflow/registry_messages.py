"""Requests about registered models, prompts and their versions."""

from __future__ import annotations

from typing import ClassVar

from kaizenml.interfaces.http.access import acting
from kaizenml.interfaces.http.mlflow.experiments import Tag
from kaizenml.interfaces.http.mlflow.reading import Message, Whole


class OfModel(Message):
    """A model."""

    needed: ClassVar[tuple[str, ...]] = ("name",)

    name: str = ""

    @property
    def by(self) -> str:
        """Who asks, as the event log names them."""
        return acting("local", is_said=False)


class Create(OfModel):
    """A new model."""

    tags: list[Tag] | None = None
    description: str | None = None


class Describe(OfModel):
    """What a model is for."""

    description: str | None = None


class Rename(OfModel):
    """A model's new name."""

    needed: ClassVar[tuple[str, ...]] = ("name", "new_name")

    new_name: str = ""


class Latest(OfModel):
    """The newest versions of some stages."""

    stages: list[str] | None = None


class Search(Message):
    """What is asked for."""

    filter: str | None = None
    max_results: Whole | None = None
    order_by: list[str] | None = None
    page_token: str | None = None


class KeyOf(OfModel):
    """A tag of a model."""

    needed: ClassVar[tuple[str, ...]] = ("name", "key")

    key: str = ""
    value: str | None = None


class AliasOf(OfModel):
    """An alias of a model."""

    needed: ClassVar[tuple[str, ...]] = ("name", "alias")

    alias: str = ""


class SetAlias(AliasOf):
    """An alias and the version that it shall name."""

    needed: ClassVar[tuple[str, ...]] = ("name", "alias", "version")

    version: str = ""


class CreateVersion(OfModel):
    """A new version."""

    needed: ClassVar[tuple[str, ...]] = ("name", "source")

    source: str = ""
    run_id: str | None = None
    tags: list[Tag] | None = None
    run_link: str | None = None
    description: str | None = None
    model_id: str | None = None


class OfVersion(OfModel):
    """A version."""

    needed: ClassVar[tuple[str, ...]] = ("name", "version")

    version: str = ""


class AnyVersion(OfVersion):
    """A version, whose name and number are looked at later."""

    needed: ClassVar[tuple[str, ...]] = ()


class DescribeVersion(OfVersion):
    """What a version is."""

    description: str | None = None


class KeyOfVersion(OfVersion):
    """A tag of a version."""

    needed: ClassVar[tuple[str, ...]] = ("name", "version", "key")

    key: str = ""
    value: str | None = None


class MoveStage(OfVersion):
    """A version and its new stage."""

    needed: ClassVar[tuple[str, ...]] = ("name", "version", "stage")

    stage: str = ""
    archive_existing_versions: bool | None = None
