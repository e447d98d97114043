"""The house rules, kept by reading the repository: one rule a file, its unit test beside it."""
