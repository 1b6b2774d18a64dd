"""What commands do, as functions for programs and notebooks: they take the words of the commands and return values."""
