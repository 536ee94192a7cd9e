"""Whether a request to the door may come in, by the names it carries. Pure; knows no sockets.

A page of another site can make the browser of somebody who is inside ask this server: by its own origin
(which the browser names), or by a name of its own that points here (which `Host` then shows).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_LOCAL = "localhost"


def host_fits(host: str, listening: str) -> bool:
    """Whether `Host` names this server: by an address, as localhost, or by the name it listens on."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name in (_LOCAL, listening) or _is_address(name or "")


def origin_fits(origin: str | None, host: str) -> bool:
    """Whether a WebSocket was opened by the page that this very host served."""
    return origin is not None and origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
