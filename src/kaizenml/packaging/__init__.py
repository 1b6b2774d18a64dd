"""Stage 3: a model as one safe file, as a wheel that installs anywhere, with proof that it answers as before."""
