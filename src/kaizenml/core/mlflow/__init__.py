"""What MLflow's clients mean by their words, as laws: errors, names, limits, filters."""
