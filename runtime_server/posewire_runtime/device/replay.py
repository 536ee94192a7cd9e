"""A graph at fixed shapes and fixed addresses, so that a GPU can replay its recorded work.

CUDA graphs need every input and output in the same place with the same shape each time. A
`Replay` owns these arrays; frame buckets (`bucket_of`) keep the number of shapes small. Where
the provider records nothing, the same calls just run the graph. This project has run it on the
CPU; recording and replaying on a GPU are unverified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posewire_runtime.device.engine import Array, DeviceArray, Engine, Graph, zeros
from posewire_runtime.errors import InvalidRequest


class Replay:
    """One set of shapes of one graph (loaded with `capture`)."""

    def __init__(self, engine: Engine, graph: Graph, sizes: Mapping[str, int], recording: int = 1) -> None:
        """`sizes` of all named axes; `recording` must differ between the replays of one graph."""
        self._inputs = {spec.name: engine.allocate(zeros(spec, sizes)) for spec in graph.inputs}
        self._outputs = {spec.name: engine.allocate(zeros(spec, sizes)) for spec in graph.outputs}
        self._run = graph.bound(self._inputs, self._outputs, recording)
        self._run()  # the first run allocates and records

    @property
    def nbytes(self) -> int:
        """Memory of its inputs and outputs."""
        arrays = (*self._inputs.values(), *self._outputs.values())
        return sum(array.nbytes for array in arrays)

    def run(self, feeds: Mapping[str, Array | DeviceArray]) -> Mapping[str, DeviceArray]:
        """Run on `feeds`; an input that isn't named keeps its last value.

        The outputs are the replay's own arrays: the next run overwrites them.
        """
        for name, value in feeds.items():
            self._check(name, value)
            self._inputs[name].value.update_inplace(value.value if isinstance(value, DeviceArray) else value)
        self._run()
        return self._outputs

    def _check(self, name: str, value: Array | DeviceArray) -> None:
        if name not in self._inputs:
            raise InvalidRequest(f"expected inputs among {', '.join(self._inputs)}, found {name!r}")
        mine = self._inputs[name]
        if (value.shape, value.dtype) != (mine.shape, mine.dtype):
            raise InvalidRequest(
                f"{name}: expected {mine.dtype} {mine.shape}, found {value.dtype} {value.shape}"
            )


def bucket_of(frames: int, buckets: Sequence[int]) -> int:
    """The smallest bucket that holds so many frames."""
    fitting = [bucket for bucket in buckets if bucket >= frames]
    if not fitting:
        raise InvalidRequest(f"expected at most {max(buckets)} frames (the largest bucket), found {frames}")
    return min(fitting)
