"""One page that shows everything baked: a figure that moves for each clip, in one file that opens by itself.

Made of sidecars alone. `page.html` is built by `viewer/`: its script, with the stage's own player, is a
classic one and stands inside, as the frames do, so that the page works from a folder, without a server. Its
policy allows that script and nobody else's.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any


def page(sidecars: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """The page's bytes."""
    template = files("posewire_runtime.bake").joinpath("page.html").read_text(encoding="utf-8")
    clips = [_entry(sidecar) for sidecar in sidecars]
    # A prompt may hold "</script>".
    data = json.dumps(clips, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    notices = "".join(f"<p>{html.escape(notice)}</p>" for notice in _notices(sidecars))
    filled = template.replace("@TITLE@", html.escape(title)).replace("@NOTICES@", notices)
    return filled.replace("@CLIPS@", data).encode()


def index(sidecars: Sequence[Mapping[str, Any]]) -> bytes:
    """What is there, for programs: all of the sidecars but their previews and events."""
    long = {"preview", "events", "contact_names"}
    clips = [{name: value for name, value in sidecar.items() if name not in long} for sidecar in sidecars]
    document = {"format": "posewire.bake", "version": 1, "clips": clips}
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _notices(sidecars: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the licences of the models want to be passed on, each once."""
    models = [sidecar["model"] for sidecar in sidecars]
    found = {
        f"{model['name']}: {model['licence']['notice']}" for model in models if model["licence"]["notice"]
    }
    return sorted(found)


def _entry(sidecar: Mapping[str, Any]) -> dict[str, Any]:
    names = ("name", "prompt", "seed", "tags", "passes", "seconds", "fps", "loops", "files", "preview")
    entry = {name: sidecar[name] for name in names}
    return entry | {"model": sidecar["model"]["name"], "rig": sidecar["rig"]["name"]}
