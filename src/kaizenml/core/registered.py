"""The registry: models by name, their numbered versions, and the aliases that say which version is meant.

A model and its aliases are one value, which changes by compare-and-set on its generation: no alias moves unseen. A
number is never given twice under one name, so ``churn:3`` means one thing for ever.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from kaizenml.core.digest import Digest, digest_of
from kaizenml.core.model import ModelVersion
from kaizenml.errors import UsageError

#: The alias that names what serves: for models of projects it follows their endpoint.
CHAMPION = "champion"
#: The aliases that move only with an approval, unless a home says others.
PROTECTED = (CHAMPION, "production")
#: Where a version is in its life, as MLflow's clients before aliases have it.
STAGES = ("None", "Staging", "Production", "Archived")
LONGEST_NAME, LONGEST_ALIAS, LONGEST_KEY, LONGEST_TEXT = 256, 255, 250, 100_000
#: Description and tags are told with what is new as long as they have no more characters together.
MOST_TOLD = 250_000
_ALIAS = re.compile(r"[\w-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name in the registry.

    Parameters
    ----------
    project
        Whose it is; empty while nobody has said.
    aliases
        The number that each alias means.
    last_number
        The last one that was given.
    generation
        Grows with every change: who changes a model names the generation that they saw.
    """

    name: str
    project: str
    author: str
    created_at: datetime
    changed_at: datetime
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    last_number: int = 0
    generation: int = 1
    is_deleted: bool = False

    def named(self, number: int) -> tuple[str, ...]:
        """Return the aliases that mean this version."""
        return tuple(alias for alias, meant in self.aliases.items() if meant == number)


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A version of a model, as the registry has it: where it is from, and what people say of it.

    What a project of ours has trained is a `ModelVersion` of the same name, too.

    Parameters
    ----------
    author
        Who registered it.
    source
        Where its files are, as whoever registered it said; ``location`` is where they are found.
    run
        The run that made it.
    link
        Where a run of another server is shown.
    logged
        The id of the logged model that it is, of MLflow's clients.
    """

    model: str
    number: int
    project: str
    author: str
    created_at: datetime
    changed_at: datetime
    source: str = ""
    location: str = ""
    run: str = ""
    link: str = ""
    logged: str = ""
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    stage: str = STAGES[0]
    is_deleted: bool = False

    @property
    def name(self) -> str:
        """How people call it: ``churn:3``."""
        return f"{self.model}:{self.number}"


def check_model_name(name: str) -> None:
    """Refuse what cannot be the name of a model: it is a part of paths and of names such as ``churn:3``.

    Raises
    ------
    UsageError
        Saying what is wrong with it.
    """
    if not name.strip() or len(name) > LONGEST_NAME:
        raise UsageError(f"{name[:80]!r} is no name for a model.", f"Give it 1 to {LONGEST_NAME} characters.")
    if any(sign in name for sign in "/:") or _CONTROL.search(name) or name in (".", ".."):
        raise UsageError(f"{name[:80]!r} is no name for a model.", "Leave out '/', ':' and control characters.")


def check_alias(alias: str) -> None:
    """Refuse what cannot be an alias; ``latest`` and ``v3`` mean something already."""
    if not _ALIAS.fullmatch(alias) or len(alias) > LONGEST_ALIAS:
        raise UsageError(f"{alias[:80]!r} is no alias.", "Letters, digits, '_' and '-' will do.")
    if alias.lower() == "latest" or re.fullmatch(r"[vV]\d+", alias):
        raise UsageError(f"{alias!r} means something already.", "Call it otherwise.")


def check_tag(key: str, value: str) -> None:
    """Refuse a tag that cannot be kept."""
    if not key or len(key) > LONGEST_KEY or _CONTROL.search(key):
        raise UsageError(f"{key[:80]!r} is no key of a tag.", f"Give it 1 to {LONGEST_KEY} characters.")
    check_text("tag", value)


def check_text(what: str, text: str) -> None:
    """Refuse a text that is too long."""
    if len(text) > LONGEST_TEXT:
        raise UsageError(
            f"The {what} has {len(text):,} characters; at most {LONGEST_TEXT:,} are kept.", "Log it as an artefact."
        )


def told_texts(description: str, tags: Mapping[str, str]) -> dict[str, object]:
    """Return what the log is told of the texts of something new; of more than it should carry, only how much it is."""
    size = len(description) + sum(len(key) + len(value) for key, value in tags.items())
    return {"description": description, "tags": dict(tags)} if size <= MOST_TOLD else {"left_out_characters": size}


def changed(model: RegisteredModel, at: datetime, **what: object) -> RegisteredModel:
    """Return the model with something changed, one generation on."""
    return replace(model, changed_at=at, generation=model.generation + 1, **what)  # type: ignore[arg-type]


def numbered(model: RegisteredModel, at: datetime) -> RegisteredModel:
    """Return the model with its next number given."""
    return changed(model, at, last_number=model.last_number + 1)


def pointed(model: RegisteredModel, alias: str, number: int | None) -> RegisteredModel:
    """Return the model with an alias at another version, or without the alias."""
    others = {each: meant for each, meant in model.aliases.items() if each != alias}
    aliases = others if number is None else {**others, alias: number}
    return replace(model, aliases=aliases, generation=model.generation + 1)


def protected_aliases(model: RegisteredModel, protected: Collection[str], number: int | None = None) -> list[str]:
    """Return which protected aliases a model has set: at this version, where one is named."""
    return [
        alias for alias, meant in model.aliases.items() if is_protected(alias, protected) and number in (None, meant)
    ]


def is_protected(word: str, protected: Collection[str]) -> bool:
    """Say whether an alias, or a stage of that name, is protected; large and small letters are the same."""
    return word.casefold() in {each.casefold() for each in protected}


def digest_of_move(alias: str, model: str, version: RegisteredVersion | None, files: Mapping[str, str]) -> Digest:
    """Return what an approval of a move is of: the alias, where it goes, and the content that is there.

    Parameters
    ----------
    version
        None: the alias is taken away.
    files
        The digest of every file of the version, by path.
    """
    if version is None:
        return digest_of(["move", alias.casefold(), model, None])
    told = [version.source, version.location, version.run, version.logged, version.created_at.isoformat()]
    return digest_of(["move", alias.casefold(), model, version.number, told, sorted(files.items())])


def version_number(word: str) -> tuple[str, int]:
    """Return model and number of ``churn:3``.

    Raises
    ------
    UsageError
        For anything else.
    """
    model, colon, number = word.rpartition(":")
    if not colon or not model or not (number.isascii() and number.isdigit()) or len(number) > 15:
        raise UsageError(f"{word[:80]!r} is no version of a model.", "Write MODEL:NUMBER, such as churn:3.")
    return model, int(number)


def entry(version: ModelVersion) -> RegisteredVersion:
    """Return how the registry has what a project has trained."""
    at = version.created_at
    return RegisteredVersion(version.model, version.number, version.project, "system:loop", at, at, run=version.run)
