"""Whether the registry of models agrees with itself, with what projects trained, and with what serves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from kaizenml.core.endpoint import Endpoint
from kaizenml.core.registered import CHAMPION, RegisteredModel, RegisteredVersion
from kaizenml.core.release import Release
from kaizenml.core.soundness import Area, Fault

_BACKUP = "Restore the home from a backup: `kaizen restore`."


@dataclass(frozen=True, slots=True)
class Listed:
    """What the registry has, and what it must agree with.

    Parameters
    ----------
    models, versions
        By name; none that was deleted.
    trained
        The names of the versions that projects have trained.
    runs
        The ids of all runs.
    """

    models: Mapping[str, RegisteredModel]
    versions: Mapping[str, RegisteredVersion]
    trained: Collection[str]
    runs: Collection[str]
    endpoints: Mapping[str, Endpoint]
    releases: Mapping[str, Release]


def registry_faults(of: Listed) -> Iterator[Fault]:
    """Return where the registry names what is not there, or does not say what the other records say."""
    for version in of.versions.values():
        yield from _of_version(version, of)
    for model in of.models.values():
        yield from _of_model(model, of)
    for name in of.trained:
        if name not in of.versions:
            yield _fault(f"model:{name}", "A project has trained it, and the registry does not list it.")


def _of_version(version: RegisteredVersion, of: Listed) -> Iterator[Fault]:
    by, model = f"model:{version.name}", of.models.get(version.model)
    if model is None:
        yield _fault(by, f"It is a version of {version.model}, which the registry does not list.")
    elif version.number > model.last_number:
        yield _fault(by, f"The last number that was given is {model.last_number}, so this one would be given again.")
    scheme, _, path = version.location.partition(":/")
    run = path.strip("/").partition("/")[0]
    if scheme == "runs" and run not in of.runs:
        said = f"Its files are those of the run {run}, which is not there; it may never have been."
        yield _fault(by, said, is_grave=False)  # a version can be imported without its run


def _of_model(model: RegisteredModel, of: Listed) -> Iterator[Fault]:
    by = f"model:{model.name}"
    for alias, number in model.aliases.items():
        if f"{model.name}:{number}" not in of.versions:
            yield _fault(by, f"Its alias {alias} names version {number}, which is not there.")
    endpoint = of.endpoints.get(model.name)
    release = of.releases.get(endpoint.champion) if endpoint else None
    named = f"{model.name}:{model.aliases.get(CHAMPION)}"
    if release is not None and release.model_version != named and release.model_version in of.versions:
        said = f"Its alias {CHAMPION} does not name {release.model_version}, which endpoint {model.name} serves."
        yield _fault(by, said)


def _fault(by: str, said: str, *, is_grave: bool = True) -> Fault:
    return Fault(Area.RECORDS, by, said, _BACKUP, is_grave)
