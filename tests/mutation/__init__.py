"""Planted faults that the C++ suite must find: an oracle that never fails proves nothing."""
