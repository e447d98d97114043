"""What system tests stand on: real processes, a world to run them in, and what they write down."""
