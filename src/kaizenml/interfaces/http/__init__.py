"""The control plane: what happened, what is, and what a person may do about it, over HTTP. Begin with `app.py`."""
