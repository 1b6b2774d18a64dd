"""What names and texts in the registry may be, in the words of MLflow's clients."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kaizenml.core.mlflow.errors import absent, invalid
from kaizenml.core.mlflow.limits import check_length, check_name, check_path
from kaizenml.core.registered import LONGEST_ALIAS, LONGEST_KEY, LONGEST_NAME, LONGEST_TEXT, STAGES

#: Tells prompts from models, and what a version of a prompt says.
PROMPT, PROMPT_TEXT = "mlflow.prompt.is_prompt", "mlflow.prompt.text"
#: What clients say a prompt's files are, which it has none of.
PROMPT_SOURCES = ("dummy-source", "prompt-template")
_STAGES = {stage.lower(): stage for stage in STAGES}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_prompt(tags: Mapping[str, str]) -> bool:
    """Say whether tags are those of a prompt, or of a version of one."""
    return tags.get(PROMPT, "false").lower() == "true"


def check_model(name: str, path: str = "name") -> None:
    """Refuse what is no name of a model."""
    if not name.strip():
        raise invalid(f"Missing value for required parameter '{path}'.")
    if "/" in name or ":" in name:
        raise invalid(f"Invalid model name '{name[:1000]}'. Names cannot contain '/' or ':'.")
    check_path(name, "name")
    check_length("name", LONGEST_NAME, name)
    if _CONTROL.search(name):
        raise invalid(f"Invalid model name '{name}'. Names cannot contain line breaks or other control characters.")


def check_tag(key: str, value: str) -> None:
    """Refuse a tag of a model or version that cannot be kept."""
    check_key(key)
    check_length("key", LONGEST_KEY, key)
    if key == PROMPT_TEXT and len(value) > LONGEST_TEXT:
        raise invalid(f"Prompt text exceeds max length of {LONGEST_TEXT} characters.")
    check_length("value", LONGEST_TEXT, value)


def check_key(key: str) -> None:
    """Refuse what is no key of a tag."""
    check_name(key, "key")


def check_description(text: str) -> None:
    """Refuse a description that is too long."""
    check_length("description", LONGEST_TEXT, text)


def check_alias(alias: str, *, is_new: bool = False) -> None:
    """Refuse what is no alias; one that is set must not mean something already."""
    if not re.fullmatch(r"[\w\-]*", alias.removesuffix("\n")) or alias.endswith("\n"):
        raise invalid(
            f"Invalid alias name: '{alias[:1000]}'. Names may only contain alphanumerics, underscores (_), and dashes "
            "(-)."
        )
    check_length("Registered model alias name", LONGEST_ALIAS, alias)
    if is_new and alias.lower() == "latest":
        raise invalid("'latest' alias name (case insensitive) is reserved.")
    if is_new and re.fullmatch(r"[vV]\d+", alias):
        raise invalid(f"Version alias name '{alias}' is reserved.")


def number(word: str, name: str) -> int:
    """Return the number that a version is told by."""
    try:
        found = int(word[:100])
    except ValueError:
        raise invalid(f"Parameter 'version' must be an integer, got '{word[:1000]}'.") from None
    if not -(2**53) < found < 2**53:
        raise absent(f"Model Version (name={name}, version={found}) not found")
    return found


def stage(word: str) -> str:
    """Return a stage as it is spelled."""
    found = _STAGES.get(word.lower())
    if found is None:
        raise invalid(f"Invalid Model Version stage: {word[:1000]}. Value must be one of {', '.join(STAGES)}.")
    return found
