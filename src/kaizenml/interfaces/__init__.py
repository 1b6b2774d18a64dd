"""Where people and programs meet the loop: parse, call it, print."""
