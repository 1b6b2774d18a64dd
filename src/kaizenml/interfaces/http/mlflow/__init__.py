"""MLflow's wire protocol, so that its clients work unchanged: parse, call the loop, print."""
