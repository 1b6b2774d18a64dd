"""Stage 3, the data plane: answers predictions, follows routes, and logs every answer before it leaves."""
