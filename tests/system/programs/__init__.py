"""Real programs that system tests start, signal and kill. Each is run with `python -m`."""
