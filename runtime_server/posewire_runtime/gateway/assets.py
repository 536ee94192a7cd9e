"""The page's files, built by `viewer/` and kept in the package: what a browser gets for a path.

Every answer carries a content-security policy: the page runs its own scripts only, and asks nobody else.
Knows no sockets.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self' {socket} blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""`blob:` is what textures of a character dropped onto the page are read through."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page."""

    kind: str
    """Its media type."""
    data: bytes
    packed: bytes
    """The same, gzipped."""
    tag: str
    """Changes when the file does."""


@cache
def assets() -> Mapping[str, Asset]:
    """All files by the path they are asked for."""
    found: dict[str, Asset] = {}
    for file in (files("posewire_runtime") / "viewer_assets").iterdir():
        kind = _TYPES.get(file.name[file.name.rfind(".") :])
        if kind is not None:
            data = file.read_bytes()
            tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
            path = "/" if file.name == "index.html" else f"/{file.name}"
            found[path] = Asset(kind, data, gzip.compress(data, 9, mtime=0), tag)
    return found


def answer(path: str, asked: Mapping[str, str], host: str) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body for a GET; `asked` are its headers, `host` the name it came for."""
    asset = assets().get(path.partition("?")[0])
    headers = {
        "Content-Security-Policy": _POLICY.format(socket=f"ws://{host} wss://{host}"),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
    if asset is None:
        body = b"There is nothing here; the page is at /\n"
        return 404, headers | {"Content-Type": _TYPES[".txt"], "Content-Length": str(len(body))}, body
    headers |= {"Content-Type": asset.kind, "ETag": asset.tag, "Vary": "Accept-Encoding"}
    if asked.get("If-None-Match") == asset.tag:
        return 304, headers, b""
    zipped = "gzip" in asked.get("Accept-Encoding", "")
    body = asset.packed if zipped else asset.data
    headers |= {"Content-Encoding": "gzip"} if zipped else {}
    return 200, headers | {"Content-Length": str(len(body))}, body
