"""Move a Keras repository to one flavour, and prove that the result works."""
