"""Who can listen in: certificates, and which addresses may be opened without them."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import grpc

from posewire_runtime.errors import InvalidConfig, Violation
from posewire_runtime.server.config import Settings


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_exposure(settings: Settings) -> None:
    """Raises `InvalidConfig` for a server that strangers could use or overhear, unless that was asked for."""
    if settings.allow_insecure:
        return
    if settings.viewer and settings.tls.clients and not settings.token_file:
        message = (
            "the viewer's door asks for no certificates, so it would let in everybody whom tls.clients keeps "
            "out: expected a token_file beside it, or no viewer; or say --allow-insecure"
        )
        raise InvalidConfig(message, [Violation("viewer", message)])
    if is_loopback(settings.host):
        return
    missing: list[str] = []
    if not settings.tls.certificate:
        missing.append("TLS (tls.certificate and tls.key)")
    if not settings.token_file and not settings.tls.clients:
        missing.append("callers that are known (token_file or tls.clients)")
    if settings.viewer:
        missing.append("no viewer, which speaks without TLS")
    if missing:
        message = (
            f"{settings.host} can be reached by other machines: expected {', '.join(missing)}; "
            "listen on 127.0.0.1, or say --allow-insecure if everybody there may use and overhear this server"
        )
        raise InvalidConfig(message, [Violation("host", message)])


def credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """What TLS needs; None: no TLS. Raises `InvalidConfig` for files that can't be used."""
    tls = settings.tls
    if bool(tls.certificate) != bool(tls.key) or (tls.clients and not tls.certificate):
        message = "expected tls.certificate and tls.key together, and both where there is tls.clients"
        raise InvalidConfig(message, [Violation("tls", message)])
    if not tls.certificate:
        return None
    key, certificate = _read("tls.key", tls.key), _read("tls.certificate", tls.certificate)
    clients = _read("tls.clients", tls.clients) if tls.clients else None
    return grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=clients, require_client_auth=clients is not None
    )


def _read(name: str, path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}; name another file"
        raise InvalidConfig(f"{name}: {message}", [Violation(name, message)]) from error
    if b"-----BEGIN" not in data:
        message = f"expected PEM in {path}, found something else"
        raise InvalidConfig(f"{name}: {message}", [Violation(name, message)])
    return data
