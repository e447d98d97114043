"""Python objects on the hot path are counted: what a message costs must not grow unseen.

Blocks of memory are counted with `sys.getallocatedblocks()` between two moments at which nothing is
on its way, and peaks with tracemalloc while a thousand messages are held.
"""
