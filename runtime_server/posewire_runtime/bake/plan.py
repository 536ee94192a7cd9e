"""What will be made: rows and seeds -> items, each with its requests, its files and a key of all that counts.

Pure: knows models by what they say of themselves. Items are put in the order in which they are made: by model
and length, so that full batches form, whatever the order of the list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from posewire_runtime import __version__
from posewire_runtime.bake.passes import Passes
from posewire_runtime.bake.rows import Problems, Row
from posewire_runtime.errors import InvalidRequest
from posewire_runtime.exchange.validate import Bounds
from posewire_runtime.files import slug
from posewire_runtime.types import Priority, Request
from posewire_runtime.wire.requests import Catalogue, GenerateOptions, read_generate, write_generate

SUFFIXES: Mapping[str, str] = {
    "glb": ".glb",
    "fbx": ".fbx",
    "bvh": ".bvh",
    "usd": ".usda",
    "npz": ".npz",
    "anim": ".anim",
    "json": ".motion.json",
    "mesh": ".mesh.npz",
}
"""Format -> how its files end; `.json` alone is the sidecar."""


@dataclass(frozen=True, slots=True)
class Style:
    """What is the same for all items of a bake."""

    formats: tuple[str, ...]
    rig: str
    """Name of a rig, or of a character's file."""
    fingerprint: str = ""
    """Of the character and how motion is put on it."""
    text: str = ""
    """Of the prompt packs that answer for the text encoder."""
    body: bool = True
    """Whether files hold a mesh."""
    embed: bool = False
    """Whether .glb files are the character itself."""
    passes: Passes = field(default_factory=Passes)
    """Of rows that name none."""


@dataclass(frozen=True, eq=False)
class Item:
    """One clip to be made: a row and a seed."""

    row: Row
    name: str
    """Of its files, without their endings."""
    requests: tuple[Request, ...]
    """One for each prompt of the row."""
    asked: tuple[GenerateOptions, ...]
    """The same as a server wants them."""
    passes: Passes
    package: str
    """Hash of the model's package; empty: it has none."""
    key: str
    """Equal for what gives equal files."""

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.requests[0].seed

    @property
    def frames(self) -> int:
        """Frames that the model makes for it."""
        return sum(request.frames for request in self.requests)


def plan(
    rows: Sequence[Row],
    style: Style,
    catalogue: Catalogue,
    problems: Problems,
    *,
    models: Mapping[str, tuple[str, str]] | None = None,
    seed: int = 0,
) -> list[Item]:
    """The items of rows, in the order of making; what is wrong goes to `problems`.

    `models`: what rows call a model -> its name in the catalogue and its package's hash. `seed` is that of
    rows without one.
    """
    items: list[Item] = []
    for row in rows:
        row = row if row.seeds else replace(row, seeds=(seed,))
        model, package = (models or {}).get(row.model, (row.model or catalogue.default, ""))
        for each in row.seeds:
            made = _item(row, each, style, catalogue, model, package, problems)
            if made is None:
                break  # the next seed would fail for the same reason
            items.append(made)
    _find_duplicates(items, problems)
    return sorted(items, key=lambda item: (item.requests[0].model, item.frames, item.name))


def shard(items: Sequence[Item], index: int, count: int) -> list[Item]:
    """Part `index` (from 1) of `count`, of like amounts of motion."""
    return list(items[index - 1 :: count])


def groups(items: Sequence[Item], most: int) -> Iterator[list[Item]]:
    """Items made together: neighbours of one model, at most so many."""
    group: list[Item] = []
    for item in items:
        if group and (len(group) >= most or item.requests[0].model != group[0].requests[0].model):
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def files_of(item: Item, style: Style) -> list[str]:
    """Names of the files of an item, without the sidecar."""
    return [item.name + SUFFIXES[name] for name in style.formats]


def sidecar_of(item: Item) -> str:
    """Name of the sidecar."""
    return f"{item.name}.json"


def _item(
    row: Row, seed: int, style: Style, catalogue: Catalogue, model: str, package: str, problems: Problems
) -> Item | None:
    requests: list[Request] = []
    asked: list[GenerateOptions] = []
    for number, prompt in enumerate(row.prompts):
        options = _options(row, seed, model, number)
        try:
            order = read_generate(write_generate(prompt, options), catalogue, Bounds())
        except InvalidRequest as error:
            problems.add(row.line, str(error))
            return None
        requests += order.requests
        # A server must not estimate otherwise than was planned.
        exact: Any = {**options, "frames": order.requests[0].frames}
        exact.pop("seconds", None)
        asked.append(exact)
    passes = row.passes or style.passes
    name = row.name or slug(" ".join(row.prompts))
    name = name if row.name and len(row.seeds) == 1 else f"{name}_{seed}"
    key = _key(requests, passes, style, package, row)
    return Item(row, name, tuple(requests), tuple(asked), passes, package, key)


def _options(row: Row, seed: int, model: str, number: int) -> GenerateOptions:
    options: GenerateOptions = {"model": model, "seeds": [seed], "priority": Priority.BULK}
    if row.seconds:
        options["seconds"] = row.seconds[number]
    if row.steps is not None:
        options["steps"] = row.steps
    if row.guidance is not None:
        options["guidance"] = row.guidance
    return options


def _key(requests: Sequence[Request], passes: Passes, style: Style, package: str, row: Row) -> str:
    """A hash of all that makes a difference to an item's files."""
    content = {
        "version": __version__,
        "package": package,
        "requests": [[r.model, r.prompt, r.frames, r.seed, repr(r.sampling)] for r in requests],
        "passes": str(passes),
        "style": [style.formats, style.rig, style.fingerprint, style.text, style.body, style.embed],
        "tags": row.tags,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _find_duplicates(items: Sequence[Item], problems: Problems) -> None:
    """Two items may neither be the same nor share a name; file systems may not tell capitals apart."""
    names: dict[str, Item] = {}
    made: dict[tuple[Any, ...], Item] = {}
    for item in items:
        same = (item.row.prompts, item.seed, item.requests[0].model, item.frames, str(item.passes))
        same += (item.row.steps, item.row.guidance)
        twin = made.setdefault(same, item)
        namesake = names.setdefault(item.name.lower(), item)
        if twin is not item:
            message = f"the same prompt, length, seed and passes as line {twin.row.line}; remove one of them"
            problems.add(item.row.line, message)
        elif namesake is not item:
            message = f"{item.name!r} is the name of line {namesake.row.line} too; give them different names"
            problems.add(item.row.line, f"name: {message}")
