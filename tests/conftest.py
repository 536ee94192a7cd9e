"""How property tests run everywhere: no deadlines, and every run tries the same examples."""

from hypothesis import settings

settings.register_profile("posewire", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("posewire")
