"""A body to look at: mannequin, rasteriser, contact sheets."""
