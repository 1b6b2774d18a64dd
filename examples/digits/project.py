"""Which digit did somebody write?"""

from torch import Tensor, nn

import kaizenml as kz

project = kz.Project("digits", source=kz.files("data/*.csv"), target="digit", id="image")


class Pixels(nn.Module):
    """Two convolutions over an image of 8 × 8 pixels, whose columns come as one row."""

    def __init__(self, outputs: int, channels: int) -> None:
        super().__init__()
        self.seen = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.said = nn.Linear(2 * channels * 2 * 2, outputs)

    def forward(self, rows: Tensor) -> Tensor:
        """Return a score for each digit, shape (n, 10), of pixels of shape (n, 64)."""
        return self.said(self.seen(rows.reshape(-1, 1, 8, 8)).flatten(1))


@project.step
def estimator(channels: int = 8, epochs: int = 20) -> object:
    """Return the unfitted network."""
    return kz.torch(Pixels, channels=channels, epochs=epochs, learning_rate=0.005)


project.gate(kz.at_least("accuracy", 0.9), kz.beats_baselines("accuracy"))
