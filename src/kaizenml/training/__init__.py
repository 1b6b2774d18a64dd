"""Stage 2: steps, graph, features, training, evaluation."""
