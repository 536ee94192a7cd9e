"""`posewire serve`: a server that runs until it is asked to stop, then drains."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posewire_runtime.commands.arguments import Subparsers
from posewire_runtime.server.config import FILE_VARIABLE, Settings, catalogue, load, show

if TYPE_CHECKING:
    from posewire_runtime.scheduler.library import Library
    from posewire_runtime.server.server import Server

_MANUAL = """\
Serves motion over gRPC until it gets SIGTERM or SIGINT (Ctrl-C); then it refuses new requests, lets running
streams end within --drain-seconds, and exits with 0. A second signal ends them at once.

examples:
  posewire serve
  posewire serve --port 0 --json            # a free port; the first line of output says which
  posewire serve --model packages/hymotion --model stand-in
  posewire serve --viewer                   # and a page in the browser to watch motion on
  posewire serve --metrics-port 9464        # /metrics for Prometheus, /healthz for supervisors
  posewire serve --host 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem --token-file tokens
  posewire serve --print-config > posewire.toml && posewire serve --config posewire.toml

Each setting has a flag, a variable (POSEWIRE_PORT for --port) and a place in the TOML file. Flags win over
the environment, the environment over the file, the file over the defaults.
"""


def register(subparsers: Subparsers) -> None:
    """Add `posewire serve`."""
    parser = subparsers.add_parser("serve", help="serve motion over gRPC", description=_MANUAL)
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="P",
        help="a model's name or a package's folder; several times for several, the first is the default",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"settings as TOML (or {FILE_VARIABLE})")
    parser.add_argument(
        "--print-config", action="store_true", help="print the settings in force as TOML, and stop"
    )
    parser.add_argument("--json", action="store_true", help="say where it listens as one JSON line")
    parser.add_argument("--quiet", action="store_true", help="log warnings and errors only")
    group = parser.add_argument_group("settings")
    for setting in catalogue().values():
        about = f"{setting.about.rstrip('.').replace('%', '%%')} ({setting.default})"
        switch: dict[str, Any] = {"nargs": "?", "const": "true"} if setting.kind is bool else {}
        group.add_argument(setting.flag, dest=f"setting {setting.name}", metavar="V", help=about, **switch)
    parser.set_defaults(func=_run)


def _settings(options: argparse.Namespace) -> Settings:
    given = {name: getattr(options, f"setting {name}") for name in catalogue()}
    flags = {name: text for name, text in given.items() if text is not None}
    return load(flags, os.environ, options.config)


def _run(options: argparse.Namespace) -> int:
    settings = _settings(options)
    if options.print_config:
        print(show(settings), end="")
        return 0
    # Else gRPC's core writes a line of its own, past the log, for many a stranger's bytes.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    import asyncio

    from posewire_runtime.commands.models import open_library
    from posewire_runtime.device.memory import give_freed_memory_back
    from posewire_runtime.scheduler.worker import Worker
    from posewire_runtime.server.logs import set_up
    from posewire_runtime.server.server import serve
    from posewire_runtime.text.cache import FeatureCache

    set_up(options.quiet, settings.log_json)
    give_freed_memory_back()
    settings.text.check()
    models = settings.models
    pinned = [name.strip() for name in models.pinned.split(",") if name.strip()]
    library = open_library(options.model, text=settings.text, memory=models.memory, pinned=pinned)
    folder = Path(settings.text.cache_folder) if settings.text.cache_folder else None
    cache = FeatureCache(settings.worker.text_cache, folder, settings.text.cache_folder_bytes)
    worker = Worker(library, settings.worker, cache=cache)
    worker.start()
    for opened in [worker.warm(name) for name in pinned]:
        opened.result()
    page = _Page(settings) if settings.viewer else None

    def ready(server: Server) -> None:
        worker.warm(library.default)  # what is wrong with it is told to the first request
        _announce(server, library, page.url if page else "", options.json)

    try:
        asyncio.run(
            serve(
                worker,
                library,
                settings,
                ready=ready,
                beside=page.beside if page else nullcontext,
            )
        )
    finally:
        free = worker.close()
    if free:
        library.close()
    return 0


class _Page:
    """The browser's door, opened beside the server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.url = ""

    @asynccontextmanager
    async def beside(self, server: Server) -> AsyncGenerator[None]:
        """Open as long as the server lives."""
        from posewire_runtime.gateway.gateway import Gateway

        async with Gateway(self._settings, server.service).opened() as gateway:
            self.url = gateway.url
            yield


def _announce(server: Server, library: Library, page: str, as_json: bool) -> None:
    from posewire_runtime.packages.describe import licence_lines

    names = library.names()
    if as_json:
        where = {"listening": server.address} | ({"viewer": page} if page else {})
        where |= {"metrics": server.monitor_address} if server.monitor_address else {}
        print(json.dumps(where | {"models": names}), flush=True)
        return
    print(f"posewire: serving {', '.join(names)} on {server.address}; Ctrl-C stops it", flush=True)
    if page:
        print(f"posewire: watch at {page}", flush=True)
    for name in names:
        licence = library.info(name).licence
        if licence.notice:
            print("\n  ".join((f"posewire: {name}", *licence_lines(licence))), flush=True)
