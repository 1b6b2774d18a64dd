"""The `kaizen` command."""
