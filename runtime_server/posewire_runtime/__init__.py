"""Posewire's runtime: text in, joint rotations out. Never imports torch."""

__version__ = "0.1.0"
