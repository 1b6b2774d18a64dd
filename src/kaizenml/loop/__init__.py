"""Where the stages meet: one turn of the loop, what drives it, what it is wired to. Start with `cycle`."""
