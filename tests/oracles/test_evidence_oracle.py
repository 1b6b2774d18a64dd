"""The t-mixture against the double integral that it is the closed form of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from kaizenml.core.evidence import log_t_mixture


def marginal(values: np.ndarray, effect: float) -> float:
    """Return ``∫ ∏ N(x; effect σ, σ²) dσ/σ``, up to a constant; the scale is integrated over its logarithm."""
    middle = np.sqrt(np.mean(values**2))

    def density(log_scale: float) -> float:
        scale = middle * np.exp(log_scale)
        return float(np.exp(-0.5 * np.sum((values / scale - effect) ** 2) - len(values) * log_scale))

    return integrate.quad(density, -6, 6, epsabs=0, epsrel=1e-10, limit=200)[0]


@pytest.mark.parametrize("g", [3.0, 7.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_t_mixture_is_the_bayes_factor_of_a_normal_effect_size(seed: int, g: float) -> None:
    """Effect size δ ~ N(0, 1/g), scale with Haar measure dσ/σ, against δ = 0 (Lai, 1976; Jeffreys, 1961)."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.4, 3.0, size=8)
    values *= np.sign(values.sum())

    def weighted(effect: float) -> float:
        return marginal(values, effect) * np.sqrt(g / (2 * np.pi)) * np.exp(-g * effect**2 / 2)

    mixture = integrate.quad(weighted, -6, 6, epsabs=0, epsrel=1e-8, limit=200)[0]
    expected = np.log(mixture / marginal(values, 0.0))

    assert log_t_mixture(values.sum(), (values**2).sum(), len(values), g) == pytest.approx(expected, abs=1e-6)
