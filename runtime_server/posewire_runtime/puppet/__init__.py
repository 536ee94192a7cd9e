"""A puppet: standing, walking, running, turning and waving made by hand-written curves, no model.

What the stand-in model performs, so that everything around a model can be built, shown and tested
without one. `script` reads the prompt, `footsteps` plans where and when the feet stand, `body` poses
the SMPL-22 skeleton over them. Knows nothing of requests, programs or the wire.
"""

from posewire_runtime.puppet.body import perform
from posewire_runtime.puppet.going_on import go_on

__all__ = ["go_on", "perform"]
