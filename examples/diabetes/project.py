"""How far will the illness of this patient have come in a year?"""

from lightgbm import LGBMRegressor

import kaizenml as kz

project = kz.Project("diabetes", source=kz.files("data/*.csv"), target="progression", id="patient", holdout=0.3)


@project.step
def estimator(trees: int = 60, leaves: int = 6, rate: float = 0.06) -> LGBMRegressor:
    """Return the unfitted estimator: few rows, so small trees."""
    return LGBMRegressor(n_estimators=trees, num_leaves=leaves, learning_rate=rate, min_child_samples=15, verbose=-1)


project.gate(kz.at_least("r2", 0.25), kz.beats_baselines("mean_absolute_error"))
