"""What one machine has for steps, and which of them can run there at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kaizenml.core.step import StepOptions


@dataclass(frozen=True, slots=True)
class Room:
    """Processors, memory and graphics cards of a machine.

    Parameters
    ----------
    memory_bytes, gpus
        None where nobody can say.
    """

    cpus: float
    memory_bytes: int | None = None
    gpus: float | None = None

    def lacks(self, options: StepOptions) -> str:
        """Return what a step asks for that this machine does not have, in words; nothing where it has all.

        Processors are never lacking: with fewer of them it takes longer.
        """
        if self.gpus is not None and options.gpus > self.gpus:
            return f"{options.gpus:g} GPUs, and this machine has {f'{self.gpus:g}' if self.gpus else 'none'}"
        memory = options.memory_bytes or 0
        if self.memory_bytes is not None and memory > self.memory_bytes:
            return f"{memory / 1e9:.1f} GB of memory, and this machine has {self.memory_bytes / 1e9:.1f}"
        return ""

    def holds(self, steps: Sequence[StepOptions]) -> bool:
        """Say whether steps can run at once; one alone always can."""
        if len(steps) < 2:
            return True
        cpus = sum(min(each.cpus, self.cpus) for each in steps)
        memory = sum(each.memory_bytes or 0 for each in steps)
        gpus = sum(each.gpus for each in steps)
        return (
            cpus <= self.cpus
            and (self.memory_bytes is None or memory <= self.memory_bytes)
            and (self.gpus is None or gpus <= self.gpus)
        )
