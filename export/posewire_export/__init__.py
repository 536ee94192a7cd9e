"""Turns trained networks into model packages. Torch lives here, and only here."""
