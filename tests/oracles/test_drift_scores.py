"""Drift scores against SciPy, closed forms and published definitions."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import spatial, special, stats

from kaizenml.core.profile import ColumnProfile, ReferenceColumn
from kaizenml.core.schema import ColumnKind
from kaizenml.monitoring import samples, scores
from kaizenml.monitoring.chance import cells, chi_squared_p, ks_p, share_p
from kaizenml.monitoring.profile import learn_reference, profile
from kaizenml.monitoring.wasserstein import wasserstein, wasserstein_in_deviations

CASES = range(200)


def counts(seed: int, *, has_zeros: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    k = rng.integers(2, 40)
    low = 0 if has_zeros else 1
    p, q = rng.integers(low, 200, k), rng.integers(low, 200, k)
    p[0] = q[-1] = 50
    return p, q


def numbers(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    draw = [rng.normal, rng.lognormal, rng.uniform, rng.exponential][seed % 4]
    a, b = (draw(size=int(n)) for n in rng.integers(300, 3000, 2))
    return a, b * rng.uniform(0.8, 1.3) + rng.normal(0, 0.2)


def on_cells(a: np.ndarray, b: np.ndarray, size: int = 64) -> tuple[ReferenceColumn, ColumnProfile]:
    learned = learn_reference(pl.DataFrame({"x": a}), {"x": ColumnKind.NUMBER}, cells=size)
    return learned.columns[0], profile(learned, pl.DataFrame({"x": b})).columns[0]


@pytest.mark.parametrize("base", [np.e, 2])
def test_jensen_shannon_is_scipys(base: float) -> None:
    for seed in CASES:
        p, q = counts(seed, has_zeros=True)
        assert scores.js_distance(p, q, base) == pytest.approx(
            spatial.distance.jensenshannon(p, q, base=base), abs=1e-9
        )


def test_kullback_leibler_is_scipys() -> None:
    for seed in CASES:
        p, q = counts(seed, has_zeros=False)
        assert scores.kl(p, q) == pytest.approx(stats.entropy(p, q), abs=1e-9)


def test_psi_is_the_sum_of_both_divergences() -> None:
    for seed in CASES:
        p, q = counts(seed, has_zeros=False)
        assert scores.psi(p, q) == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p), abs=1e-9)


def test_psi_of_a_worked_example() -> None:
    """Shares 20/30/50 against 30/30/40 %: .1 ln 1.5 + .1 ln 1.25."""
    assert scores.psi([20, 30, 50], [30, 30, 40]) == pytest.approx(0.1 * np.log(1.5) + 0.1 * np.log(1.25), abs=1e-12)


def test_psi_of_an_empty_cell_is_evidentlys_and_stays_of_this_world() -> None:
    """A zero share becomes 1e-4, or a millionth of the smallest share if that is at most 1e-4."""
    expected = (0.5 - 1e-4) * np.log(0.5 / 1e-4) + (0.5 - 1.0) * np.log(0.5 / 1.0)

    assert scores.psi([1, 1], [0, 2]) == pytest.approx(expected, abs=1e-12)
    assert scores.without_zeros(np.array([0.0, 5e-5, 1 - 5e-5]))[0] == pytest.approx(5e-11)


def test_hellinger_and_l_infinity_are_their_closed_forms() -> None:
    for seed in CASES:
        p, q = counts(seed, has_zeros=True)
        a, b = p / p.sum(), q / q.sum()
        assert scores.hellinger(p, q) == pytest.approx(np.sqrt(max(0, 1 - np.sqrt(a * b).sum())), abs=1e-7)
        assert scores.l_infinity(p, q) == pytest.approx(np.abs(a - b).max(), abs=1e-12)


def test_kolmogorov_smirnov_on_cells_is_that_of_the_samples_to_one_cell() -> None:
    for seed in range(40):
        a, b = numbers(seed)
        learned, window = on_cells(a, b)
        exact = stats.ks_2samp(a, b).statistic
        assert exact - 1.5 / 64 <= scores.ks(cells(learned), cells(window)) <= exact + 1e-12


def test_wasserstein_on_cells_is_that_of_the_samples() -> None:
    for seed in range(40):
        a, b = numbers(seed)
        learned, window = on_cells(a, b)
        exact = stats.wasserstein_distance(a, b)
        assert exact - 0.012 * a.std() <= wasserstein(learned, window) <= exact + 1e-9


def test_wasserstein_of_a_shift_is_the_shift() -> None:
    a = np.random.default_rng(0).normal(size=2000)
    learned, window = on_cells(a, a + 3.0)

    assert wasserstein(learned, window) == pytest.approx(3.0, abs=1e-9)
    assert wasserstein_in_deviations(learned, window) == pytest.approx(3.0 / a.std(), abs=1e-9)


def test_wasserstein_is_exact_where_every_value_has_its_cell() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 12, 500).astype(float), rng.integers(0, 12, 300).astype(float)

    assert wasserstein(*on_cells(a, b)) == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-12)


def test_the_kolmogorov_smirnov_p_value_is_near_scipys_and_not_below_it() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        a, b = rng.normal(size=4000), rng.normal(rng.choice([0, 0.05]), size=700)
        learned, window = on_cells(a, b, size=256)
        exact = stats.ks_2samp(a, b).pvalue
        assert ks_p(cells(learned), cells(window)) >= 0.9 * exact


def test_stephens_formula_is_his() -> None:
    p, q = np.array([30, 70]), np.array([20, 20])
    root = np.sqrt(100 * 40 / 140)

    assert ks_p(p, q) == pytest.approx(special.kolmogorov((root + 0.12 + 0.11 / root) * 0.2), abs=1e-12)


def test_chi_squared_is_scipys_where_no_cell_is_rare() -> None:
    for seed in CASES:
        rng = np.random.default_rng(seed)
        p, q = rng.integers(50, 300, 7), rng.integers(20, 100, 7)
        assert chi_squared_p(p, q) == pytest.approx(stats.chi2_contingency([p, q], correction=False).pvalue, abs=1e-12)


def test_the_share_test_is_fishers() -> None:
    assert share_p(8, 20, 1, 15) == pytest.approx(stats.fisher_exact([[8, 12], [1, 14]]).pvalue)


def test_two_sample_p_values_of_equal_distributions_are_uniform_or_safer() -> None:
    rng = np.random.default_rng(0)
    shares = np.arange(1, 11) / 55
    p_values = [chi_squared_p(rng.multinomial(2000, shares), rng.multinomial(300, shares)) for _ in range(2000)]

    for level in (0.01, 0.05, 0.2):
        assert np.mean(np.array(p_values) <= level) <= level + 3 * np.sqrt(level / 2000)


def test_the_noise_of_psi_is_its_mean_under_no_change() -> None:
    rng = np.random.default_rng(0)
    shares = np.full(10, 0.1)
    drawn = [scores.psi(rng.multinomial(5000, shares), rng.multinomial(500, shares)) for _ in range(2000)]

    assert np.mean(drawn) == pytest.approx(scores.psi_noise(10, 5000, 500), rel=0.05)


def evidently_bins(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shares in Sturges' bins, from their definition."""
    both = np.concatenate([a, b])
    k = int(np.ceil(np.log2(len(both)) + 1))
    width = (both.max() - both.min()) / (np.log2(len(both)) + 1)
    assert k == int(np.ceil((both.max() - both.min()) / width))
    edges = np.linspace(both.min(), both.max(), k + 1)
    return np.histogram(a, edges)[0] / len(a), np.histogram(b, edges)[0] / len(b)


def test_scores_named_after_evidently_follow_its_formulas() -> None:
    for seed in range(100):
        a, b = numbers(seed)
        p, q = evidently_bins(a, b)
        filled = [np.where(s == 0, s[s > 0].min() / 1e6 if s[s > 0].min() <= 1e-4 else 1e-4, s) for s in (p, q)]
        psi = ((filled[0] - filled[1]) * np.log(filled[0] / filled[1])).sum()

        assert samples.evidently_psi(a, b) == pytest.approx(psi, abs=1e-9)
        assert samples.evidently_kl(a, b) == pytest.approx(stats.entropy(*filled), abs=1e-9)
        assert samples.evidently_js(a, b) == pytest.approx(spatial.distance.jensenshannon(p, q), abs=1e-9)
        assert samples.evidently_wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b) / a.std())
        assert samples.evidently_ks_p(a, b) == stats.ks_2samp(a, b).pvalue


def test_evidently_takes_the_reference_for_the_truth_in_its_chi_squared_test() -> None:
    a, b = np.array(list("aabbbbcccc") * 10), np.array(list("abcc") * 10)
    exact = stats.chisquare([10, 10, 20], [8, 16, 16]).pvalue

    assert samples.evidently_chi_squared_p(a, b) == pytest.approx(exact, abs=1e-12)
    assert samples.evidently_chi_squared_p(a, np.array(["a", "new"])) == 0.0


def test_evidently_counts_few_values_one_by_one() -> None:
    p, q = samples.evidently_counts(np.array([1, 1, 2]), np.array([2, 3]))

    assert (p.tolist(), q.tolist()) == ([2, 1, 0], [0, 1, 1])


def test_scores_named_after_nannyml_put_what_is_outside_into_one_bin() -> None:
    for seed in range(100):
        a, b = numbers(seed)
        edges = np.histogram_bin_edges(a, "doane")
        p, q = np.histogram(a, edges)[0] / len(a), np.histogram(b, edges)[0] / len(b)
        p, q = np.append(p, 1 - p.sum()), np.append(q, 1 - q.sum())
        p, q = np.clip(p, 0, None), np.clip(q, 0, None)

        assert samples.nannyml_js(a, b) == pytest.approx(spatial.distance.jensenshannon(p, q, base=2), abs=1e-7)
        distance = np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2)
        assert samples.nannyml_hellinger(a, b) == pytest.approx(distance, abs=1e-7)


def test_nannyml_l_infinity_is_the_largest_change_of_a_share() -> None:
    assert samples.nannyml_l_infinity(np.array(list("aab")), np.array(list("abcd"))) == pytest.approx(2 / 3 - 1 / 4)


def test_nothing_can_be_said_of_an_empty_side() -> None:
    for score in (scores.psi, scores.kl, scores.js_distance, scores.hellinger):
        assert np.isnan(score([1, 2], [0, 0]))
    assert ks_p([1, 2], [0, 0]) == chi_squared_p([1, 2], [0, 0]) == share_p(0, 0, 1, 2) == 1.0
