"""The profiler: what a motion costs on this machine, and what fits into a frame.

Drives the same worker as serving, or a server; decisions are pure functions on plain figures.
"""
