"""A Hugging Face folder, read tensor by tensor.

Reads `config.json` and safetensors files, one or many with an index. A tensor is read from
its file when it is asked for, so memory holds one tensor at a time however large the
checkpoint is. bfloat16 and float16 come out as float32. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidFile
from posewire_runtime.types import Float

_STORED = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
"""safetensors dtype -> what numpy reads; numpy has no bfloat16, so its bits come as uint16."""

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor's bytes are."""

    file: Path
    offset: int
    dtype: str
    shape: tuple[int, ...]


class Checkpoint:
    """The tensors and the configuration of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = read_json(folder / "config.json")
        self._places = _places(folder)

    @property
    def names(self) -> tuple[str, ...]:
        """Every tensor's name."""
        return tuple(self._places)

    def dtype(self, name: str) -> str:
        """How a tensor is stored: F32, F16 or BF16."""
        return self._place(name).dtype

    def tensor(self, name: str, shape: tuple[int, ...]) -> Float:
        """One tensor as float32; its shape must be the one that the configuration promises."""
        self._check_shape(name, shape)
        return widen(self.rows(name, 0, shape[0]))

    def rows(self, name: str, start: int, stop: int) -> NDArray[np.generic]:
        """Some rows of a tensor as they are stored; bfloat16 as its bits."""
        place = self._place(name)
        if place.dtype not in _STORED:
            raise InvalidFile(f"{place.file}: {name} is {place.dtype}; expected one of {', '.join(_STORED)}")
        dtype = _STORED[place.dtype]
        width = int(np.prod(place.shape[1:], dtype=np.int64))
        with place.file.open("rb") as file:
            values = np.fromfile(
                file, dtype, (stop - start) * width, offset=place.offset + start * width * dtype.itemsize
            )
        if values.size != (stop - start) * width:
            raise InvalidFile(f"{place.file} is cut short: {name} isn't whole. Download it again.")
        return values.reshape(stop - start, *place.shape[1:])

    def require(self, wanted: Mapping[str, tuple[int, ...]], ignored: tuple[str, ...]) -> None:
        """Stop unless the folder holds exactly these tensors, beside those with an ignored prefix."""
        missing = sorted(set(wanted) - set(self._places))
        if missing:
            raise InvalidFile(
                f"{self.folder}: {len(missing)} tensors are missing, among them {', '.join(missing[:3])}"
            )
        unknown = sorted(n for n in self._places if n not in wanted and not n.startswith(ignored))
        if unknown:
            raise InvalidFile(
                f"{self.folder}: {len(unknown)} tensors are not of this model, "
                f"among them {', '.join(unknown[:3])}"
            )
        for name, shape in wanted.items():
            self._check_shape(name, shape)

    @property
    def files(self) -> tuple[Path, ...]:
        """The configuration and every weight file."""
        return (self.folder / "config.json", *sorted({place.file for place in self._places.values()}))

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        found = self._place(name).shape
        if found != shape:
            raise InvalidFile(
                f"{self.folder}: {name} has shape {found}, but config.json says {shape}; "
                "the weights and the configuration don't belong together"
            )

    def _place(self, name: str) -> _Place:
        place = self._places.get(name)
        if place is None:
            raise InvalidFile(f"{self.folder}: the tensor {name} is missing")
        return place


def widen(values: NDArray[np.generic]) -> Float:
    """Stored values as float32; uint16 holds bfloat16 bits."""
    if values.dtype == np.uint16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False)


def read_json(path: Path) -> Mapping[str, object]:
    """A JSON object from a file of a model folder."""
    if not path.is_file():
        raise InvalidFile(f"{path} is missing; expected a Hugging Face model folder")
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InvalidFile(f"{path} isn't JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidFile(f"{path} must hold a JSON object")
    return value


def _places(folder: Path) -> dict[str, _Place]:
    if (folder / INDEX).is_file():
        return _sharded(folder)
    if not (folder / SINGLE).is_file():
        raise InvalidFile(f"{folder} holds neither {SINGLE} nor {INDEX}; expected safetensors weights")
    return _header(folder / SINGLE)


def _sharded(folder: Path) -> dict[str, _Place]:
    index = read_json(folder / INDEX).get("weight_map")
    if not isinstance(index, dict):
        raise InvalidFile(f"{folder / INDEX} has no weight_map")
    files = sorted({str(file) for file in index.values()})
    absent = [file for file in files if not (folder / file).is_file()]
    if absent:
        raise InvalidFile(
            f"{folder}: {len(absent)} of {len(files)} weight files are missing: {', '.join(absent)}. "
            "Download them again; a partial checkpoint can't be exported."
        )
    found: dict[str, _Place] = {}
    for file in files:
        found.update(_header(folder / file))
    lost = sorted(name for name in index if name not in found)
    if lost:
        raise InvalidFile(f"{folder}: the index names {lost[0]}, which is in none of the weight files")
    return found


def _header(file: Path) -> dict[str, _Place]:
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > size - 8:
            raise InvalidFile(f"{file} isn't a safetensors file, or it is cut short. Download it again.")
        try:
            header = json.loads(stream.read(length))
        except ValueError:
            raise InvalidFile(f"{file} isn't a safetensors file: its header can't be read") from None
    places: dict[str, _Place] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, stop = entry["data_offsets"]
        if 8 + length + stop > size:
            raise InvalidFile(f"{file} is cut short: {name} isn't whole. Download it again.")
        places[name] = _Place(file, 8 + length + start, entry["dtype"], tuple(entry["shape"]))
    return places
