"""Training a text-to-motion model from a folder of captioned clips, on a laptop's CPU or a GPU.

The starter model that ships with Posewire is made by exactly this code. The network is
HY-Motion's; this package knows where motion and words come from and how to learn from
them, not how a finished model is exported or served.
"""
