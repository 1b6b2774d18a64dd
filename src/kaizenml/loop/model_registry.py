"""`kz.models`: the registry of this home, for programs and notebooks."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kaizenml.core.ports import Books
from kaizenml.core.registered import version_number
from kaizenml.errors import NotFoundError, SettingError
from kaizenml.loop import aliases, model_cards, model_views
from kaizenml.loop import models as registry
from kaizenml.loop.aliases import Standing
from kaizenml.loop.model_views import View
from kaizenml.loop.move_requests import remembering
from kaizenml.loop.wiring import House, open_house, read_settings
from kaizenml.training import program


class Models:
    """The registry of models: names, numbered versions, tags, and aliases that say which version is meant.

    Called, it returns the newest versions, newest first. A version is written ``churn:3``, or ``churn@champion`` for
    the one that an alias names. What is returned are plain dicts, as ``kaizen models --json`` prints them.

    Examples
    --------
    >>> import kaizenml as kz
    >>> version = kz.models.register("churn", run="try-20260301-120000-abc123")  # doctest: +SKIP
    >>> kz.models.alias("churn:1", "candidate")  # doctest: +SKIP
    >>> [each["name"] for each in kz.models("churn")]  # doctest: +SKIP
    """

    def __call__(self, model: str | None = None, *, limit: int = 100) -> list[View]:
        """Return the newest versions, newest first: of one model, or of all."""
        with _reading() as (books, _):
            return model_views.newest(books, model, limit=limit)

    def get(self, name: str) -> View:
        """Return a model with its versions, or one version; `NotFoundError` when there is none."""
        with _reading() as (books, _):
            if ":" in name or "@" in name:
                return model_views.version_view(books, registry.get_version(books, *_version(books, name)))
            return model_views.model_view(books, name)

    def card(self, name: str) -> str:
        """Return the model card of a version, in Markdown, from what is recorded of it now."""
        with _reading() as (books, house):
            return model_cards.card_of(books, house, *_version(books, name))

    def create(self, name: str, *, description: str = "", tags: Mapping[str, str] | None = None) -> View:
        """Register a name; `ConflictError` when there is a model of this name."""
        with _writing() as (books, house):
            registry.create(books, house.clock.now(), name, _person(), description=description, tags=tags)
            return model_views.model_view(books, name)

    def register(
        self, name: str, run: str, *, path: str = "", description: str = "", tags: Mapping[str, str] | None = None
    ) -> View:
        """Register what a run made as the next version of a model, which is made where it is new.

        Parameters
        ----------
        run
            Id, name, or what else a run is called by; one that has ended.
        path
            The artefact, or folder of artefacts, of the run; all of them unless told otherwise.
        """
        with _writing() as (books, house):
            made = registry.register_run(
                books, house.clock.now(), name, run, _person(), path=path, description=description, tags=tags
            )
            return model_views.version_view(books, made)

    def describe(self, name: str, text: str) -> None:
        """Say what a model, or one version, is."""
        with _writing() as (books, house):
            now = house.clock.now()
            if ":" in name or "@" in name:
                version = registry.get_version(books, *_version(books, name))
                registry.describe_version(books, now, version, text)
            else:
                registry.describe(books, now, name, text)

    def tag(self, name: str, tags: Mapping[str, str | None]) -> None:
        """Set tags of a model, or of one version; None takes a tag away."""
        with _writing() as (books, house):
            now = house.clock.now()
            if ":" in name or "@" in name:
                version = registry.get_version(books, *_version(books, name))
                registry.retag_version(books, now, version, tags, _person())
            else:
                registry.retag(books, now, registry.get(books, name), tags, _person())

    def alias(self, name: str, alias: str) -> None:
        """Let an alias name a version; with a model alone, take it away.

        Raises
        ------
        PermissionDeniedError
            When the alias is protected, and too few have approved that it moves there.
        """
        house = _house()
        with remembering(house) as books:
            model, number = _version(books, name) if ":" in name or "@" in name else (name, None)
            aliases.move(books, house, model, alias, number, _person())

    def approve(self, name: str, alias: str, *, by: str = "", because: str = "") -> Standing:
        """Approve that a protected alias names a version, or, with a model alone, that it is taken away.

        Raises
        ------
        ApprovalError
            For somebody who had a hand in the version, or has approved already.
        """
        with _writing() as (books, house):
            model, number = _version(books, name) if ":" in name or "@" in name else (name, None)
            who = f"person:{by}" if by else _person()
            return aliases.approve(books, house, model, alias, number, who, because=because)

    def rename(self, name: str, to: str) -> None:
        """Give a model another name; its versions keep their numbers."""
        with _writing() as (books, house):
            registry.rename(books, house, name, to, _person())

    def delete(self, name: str) -> None:
        """Delete a model with its versions, or one version; their numbers are not given again."""
        with _writing() as (books, house):
            if ":" in name or "@" in name:
                version = registry.get_version(books, *_version(books, name))
                registry.delete_version(books, house, version, _person())
            else:
                registry.delete(books, house, name, _person())


#: What programs use.
models = Models()


def _version(books: Books, word: str) -> tuple[str, int]:
    if ":" in word:
        return version_number(word)
    name, _, alias = word.rpartition("@")
    model = registry.get(books, name)
    if alias not in model.aliases:
        raise NotFoundError("alias", alias[:200], model.aliases)
    return name, model.aliases[alias]


def _house() -> House:
    of = read_settings(program.home_folder(Path.cwd()))
    if of.server:
        raise SettingError(
            f"What this program tracks goes to {of.server}, and so does its registry.",
            "Use the server's /api/v1/models, or MLflow's client.",
        )
    return open_house(of)


@contextmanager
def _reading() -> Iterator[tuple[Books, House]]:
    house = _house()
    with house.records.reading() as books:
        yield books, house


@contextmanager
def _writing() -> Iterator[tuple[Books, House]]:
    house = _house()
    with house.records.writing() as books:
        yield books, house


def _person() -> str:
    try:
        return f"person:{getpass.getuser()}"
    except (OSError, KeyError):
        return "person:unknown"
