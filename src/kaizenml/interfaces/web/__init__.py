"""Pages for people: rendered here, without scripts, readable on a phone and without a network."""
