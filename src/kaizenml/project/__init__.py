"""What a user declares in `project.py`: values only; nothing is read, trained or served by declaring it."""

from kaizenml.core.monitor import Bias, Drift, Latency, Performance, Resources, Staleness
from kaizenml.core.space import between, choice
from kaizenml.project.checks import (
    at_least,
    baseline,
    beats_baselines,
    beats_champion,
    calibrated,
    direction,
    invariant,
    minimum,
    not_worse,
    size,
    slices,
)
from kaizenml.project.declare import Project
from kaizenml.project.monitors import bias, drift, latency, performance, resources, staleness
from kaizenml.project.reviewing import people, policy
from kaizenml.project.signature import Step, arguments_of, defaults_of, each, inputs_of
from kaizenml.project.sources import files, frame, kafka, push, sql

__all__ = [
    "Bias",
    "Drift",
    "Latency",
    "Performance",
    "Project",
    "Resources",
    "Staleness",
    "Step",
    "arguments_of",
    "at_least",
    "baseline",
    "beats_baselines",
    "beats_champion",
    "between",
    "bias",
    "calibrated",
    "choice",
    "defaults_of",
    "direction",
    "drift",
    "each",
    "files",
    "frame",
    "inputs_of",
    "invariant",
    "kafka",
    "latency",
    "minimum",
    "not_worse",
    "people",
    "performance",
    "policy",
    "push",
    "resources",
    "size",
    "slices",
    "sql",
    "staleness",
]
