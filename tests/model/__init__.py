"""A queue in plain Python and the machine that compares every store with it, step by step."""
