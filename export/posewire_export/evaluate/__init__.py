"""Judging a text-to-motion model: does it do what the words say, and does it look like people?

Real motion and a retrieval baseline are measured by the same rule beside every figure.
"""
