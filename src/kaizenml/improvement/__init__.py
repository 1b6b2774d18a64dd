"""Kaizen: when to retrain, whether the new model is better, how fast to trust it, how well the loop delivers."""
