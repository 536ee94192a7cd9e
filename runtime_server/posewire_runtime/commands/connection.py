"""How a command reaches a server: its address, a token, and certificates."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from posewire_runtime.errors import InvalidFile, InvalidRequest, Violation

if TYPE_CHECKING:
    from posewire_runtime.client import Client


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    group = parser.add_argument_group("through a server")
    group.add_argument(
        "--server", metavar="HOST:PORT", help="ask this server instead of running the model here"
    )
    group.add_argument(
        "--token-from", type=Path, metavar="FILE", help="file that holds nothing but the token for it"
    )
    group.add_argument(
        "--tls", action="store_true", help="speak TLS, with a server whose certificate the system trusts"
    )
    group.add_argument(
        "--ca", type=Path, metavar="FILE", help="speak TLS; trust this authority (PEM) instead"
    )
    group.add_argument("--certificate", type=Path, metavar="FILE", help="show this certificate (mutual TLS)")
    group.add_argument("--key", type=Path, metavar="FILE", help="its key")


def connect(options: argparse.Namespace) -> Client:
    """A client of the server that was named."""
    from posewire_runtime.client import Client, tls

    if (options.certificate is None) != (options.key is None):
        raise InvalidRequest.of([Violation("--key", "expected --certificate and --key together")])
    try:
        token = options.token_from.read_text("utf-8").strip() if options.token_from else None
        secure = options.tls or options.ca or options.certificate
        credentials = tls(options.ca, options.certificate, options.key) if secure else None
    except (OSError, ValueError) as error:
        raise InvalidFile(f"a token or certificate can't be read: {error}; name another file") from error
    return Client(options.server, token=token, credentials=credentials)
