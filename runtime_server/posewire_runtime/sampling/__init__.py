"""From noise to motion: seeded noise, time grids, solvers. Pure."""
