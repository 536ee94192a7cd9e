"""Settings of a server: defaults, a TOML file, the environment, flags; the later ones win.

Every setting has one dotted name (`worker.queue`), from which its place in the file (`[worker] queue`),
its variable (`POSEWIRE_WORKER_QUEUE`) and its flag (`--worker-queue`) follow. Defaults and descriptions are
read from the dataclasses. Knows no command line beyond the flags' names, and starts nothing.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import json
import math
import textwrap
import tomllib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from posewire_runtime.errors import InvalidConfig, Violation
from posewire_runtime.exchange.validate import Bounds
from posewire_runtime.scheduler.live import LiveSettings
from posewire_runtime.scheduler.worker import WorkerSettings
from posewire_runtime.text.rewrite import RewriteSettings
from posewire_runtime.text.settings import TextSettings

PREFIX = "POSEWIRE_"
FILE_VARIABLE = "POSEWIRE_CONFIG"
"""Names the TOML file where no flag does."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Who can listen in."""

    certificate: str = ""
    """PEM file of the server's certificate and those between it and its authority; empty: no TLS."""
    key: str = ""
    """PEM file of its key."""
    clients: str = ""
    """PEM file of the authorities whose certificates clients must show (mutual TLS); empty: none."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which models are in memory."""

    memory: int = 0
    """Bytes that all open models may take by the size of their packages; 0: any."""
    pinned: str = ""
    """Names of models, separated by commas, that are opened at the start and stay."""
    watch_seconds: float = 5.0
    """How often packages are looked at, to reload those that changed on disk; 0: on SIGHUP only."""


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """What can be watched from outside."""

    host: str = "127.0.0.1"
    """Address of /metrics and /healthz."""
    port: int = -1
    """Their port; 0: any free one; -1: none."""
    otlp: str = ""
    """Endpoint for OpenTelemetry traces, such as http://127.0.0.1:4318/v1/traces; empty: none."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 50051
    """Port to listen on; 0: any free one."""
    max_streams: int = 1024
    """Most streams at once; more are refused with a retry hint."""
    max_request_bytes: int = 1 << 20
    """Bytes of one request message."""
    stall_seconds: float = 30.0
    """How long a client may leave its stream unread before it is ended."""
    drain_seconds: float = 10.0
    """How long running streams may go on after the server was asked to stop."""
    keepalive_seconds: float = 30.0
    """How often a silent connection is asked whether its client still lives."""
    viewer: bool = False
    """Open the browser's door too: a page to watch motion on."""
    viewer_port: int = 50080
    """Port of that page; 0: any free one."""
    token_file: str = ""
    """File with a bearer token's SHA-256 on each line, as sha256sum writes it; empty: nobody needs one."""
    token_rate: float = 100.0
    """Calls a second of one token, on average, where its line says nothing else; 0: any."""
    token_streams: int = 256
    """Streams at once of one token, where its line says nothing else; 0: any."""
    allow_insecure: bool = False
    """Listen where other machines can reach the server although it has no TLS or asks for no token."""
    max_connections: int = 4096
    """Most connections at once; more are closed."""
    request_seconds: float = 10.0
    """How long a client may take from opening a connection or a call to sending its request."""
    stuck_seconds: float = 120.0
    """How long one turn of the device may take before it counts as stuck."""
    log_prompts: bool = False
    """Write prompts into the log."""
    log_json: bool = False
    """Write each line of the log as a JSON object."""
    tls: TlsSettings = field(default_factory=TlsSettings)
    """Who can listen in."""
    models: ModelSettings = field(default_factory=ModelSettings)
    """Which models are in memory."""
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    """What can be watched from outside."""
    limits: Bounds = field(default_factory=Bounds)
    """What a request may ask for, beyond the limits of its model."""
    live: LiveSettings = field(default_factory=LiveSettings)
    """Sessions of characters that move without end."""
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    """How the device is shared."""
    text: TextSettings = field(default_factory=TextSettings)
    """Where text encoders run, and what answers instead of them."""
    rewrite: RewriteSettings = field(default_factory=RewriteSettings)
    """The language model that rewrites prompts."""


_RANGES: Mapping[str, tuple[float, float]] = {
    "port": (0, 65535),
    "viewer_port": (0, 65535),
    "metrics.port": (-1, 65535),
    "max_connections": (1, 1 << 20),
    "request_seconds": (0.1, 3600),
    "stuck_seconds": (0.1, math.inf),
    "max_streams": (1, math.inf),
    "max_request_bytes": (1024, 1 << 30),
    "stall_seconds": (0.1, math.inf),
    "keepalive_seconds": (1, math.inf),
    "live.ahead_seconds": (0.1, 60),
    "live.most_ahead_seconds": (0.1, 60),
    "live.idle_seconds": (0.1, math.inf),
    "limits.max_chunk_bytes": (1024, 3 << 20),
    "rewrite.timeout": (0.1, math.inf),
    "rewrite.tries": (1, 10),
}
"""What numbers may be, where 0 to infinity is too much."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One entry of the settings."""

    name: str
    """Its dotted name."""
    kind: Any
    """Its type."""
    default: Any
    about: str
    """What it does, as its docstring says."""

    @property
    def flag(self) -> str:
        """How a command line names it."""
        return "--" + self.name.replace(".", "-").replace("_", "-")

    @property
    def variable(self) -> str:
        """How the environment names it."""
        return PREFIX + self.name.replace(".", "_").upper()

    def parse(self, text: str) -> Any:
        """Its value, of a text from a flag or the environment."""
        if self.kind is bool:
            words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False}
            value = (words | {"no": False, "off": False}).get(text.strip().lower())
            return self.check(text if value is None else value)
        if self.kind in (int, float):
            try:
                value = self.kind(text)
            except ValueError:
                value = text
            return self.check(value)
        return self.check(text)

    def check(self, value: Any) -> Any:
        """The value, if it is one that this setting may have; raises `ValueError`."""
        if self.kind is float and type(value) is int:
            value = float(value)
        if type(value) is not self.kind:
            raise ValueError(f"expected {_KINDS[self.kind]}, found {value!r}")
        low, high = _RANGES.get(self.name, (0, math.inf))
        if self.kind in (int, float) and not (math.isfinite(value) and low <= value <= high):
            wanted = f"at least {low:g}" if high == math.inf else f"{low:g} to {high:g}"
            raise ValueError(f"expected {wanted}, found {value!r}")
        return value


_KINDS = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text"}


@cache
def catalogue() -> Mapping[str, Setting]:
    """All settings by their dotted name, in the order in which they are shown."""
    return {setting.name: setting for setting in _walk(Settings, "")}


def load(
    flags: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """The settings that these sources make together; raises `InvalidConfig` with all that is wrong.

    `flags` are texts by dotted name. `file` wins over the file that the environment names.
    """
    environment = environment or {}
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE])
    values: dict[str, Any] = {}
    violations: list[Violation] = []
    for source in (_from_file(file), _from_environment(environment), _from_flags(flags or {})):
        for where, name, read in source:
            setting = catalogue().get(name)
            if setting is None:
                violations.append(Violation(where, _unknown(name)))
                continue
            try:
                values[name] = read(setting)
            except ValueError as error:
                violations.append(Violation(where, str(error)))
    if violations:
        raise InvalidConfig("; ".join(f"{v.field}: {v.message}" for v in violations), violations)
    return _build(Settings, values, "")


def show(settings: Settings) -> str:
    """The settings as a TOML file that `load` reads back."""
    lines: list[str] = []
    section = ""
    for setting in catalogue().values():
        *path, key = setting.name.split(".")
        if ".".join(path) != section:
            section = ".".join(path)
            lines += ["", f"[{section}]"]
        value: Any = settings
        for part in (*path, key):
            value = getattr(value, part)
        lines += [f"# {setting.about}", f"{key} = {json.dumps(value)}"]
    return "\n".join(lines) + "\n"


_Read = typing.Callable[[Setting], Any]
_Source = Iterator[tuple[str, str, _Read]]
"""Where a value stands (for messages), its dotted name, and how to read it."""


def _from_file(file: Path | None) -> _Source:
    if file is None:
        return
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InvalidConfig(f"{file}: can't be read: {error.strerror}; name another file") from error
    except ValueError as error:
        raise InvalidConfig(f"{file}: expected TOML, found: {error}") from error
    for name, value in _flatten(table, ""):
        yield f"{file}: {name}", name, lambda setting, value=value: setting.check(value)


def _from_environment(environment: Mapping[str, str]) -> _Source:
    names = {setting.variable: name for name, setting in catalogue().items()}
    for variable, text in environment.items():
        if variable.startswith(PREFIX) and variable != FILE_VARIABLE:
            name = names.get(variable, variable.removeprefix(PREFIX).lower())
            yield variable, name, lambda setting, text=text: setting.parse(text)


def _from_flags(flags: Mapping[str, str]) -> _Source:
    for name, text in flags.items():
        where = "--" + name.replace(".", "-").replace("_", "-")
        yield where, name, lambda setting, text=text: setting.parse(text)


def _flatten(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name not in catalogue():
            yield from _flatten(cast(dict[str, Any], value), f"{name}.")
        else:
            yield name, value


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, catalogue(), n=1, cutoff=0.0)
    return f"unknown setting; the nearest one is {near[0]!r}"


def _walk(kind: type[Any], prefix: str) -> Iterator[Setting]:
    """The settings of a dataclass, its sections last, as TOML wants them."""
    hints, abouts = typing.get_type_hints(kind), _docstrings(kind)
    sections: list[tuple[type[Any], str]] = []
    for entry in dataclasses.fields(kind):
        hint = hints[entry.name]
        if dataclasses.is_dataclass(hint):
            sections.append((cast(type[Any], hint), f"{prefix}{entry.name}."))
        else:
            yield Setting(f"{prefix}{entry.name}", hint, entry.default, abouts.get(entry.name, ""))
    for section, name in sections:
        yield from _walk(section, name)


def _docstrings(kind: type[Any]) -> dict[str, str]:
    """The docstring under each field: what a program can show of it."""
    [node] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    found: dict[str, str] = {}
    body = cast(ast.ClassDef, node).body
    for entry, after in pairwise(body):
        if isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[entry.target.id] = " ".join(text.split())
                case _:
                    pass
    return found


def _build(kind: type[Any], values: Mapping[str, Any], prefix: str) -> Any:
    hints = typing.get_type_hints(kind)
    given: dict[str, Any] = {}
    for entry in dataclasses.fields(kind):
        name = f"{prefix}{entry.name}"
        if dataclasses.is_dataclass(hints[entry.name]):
            given[entry.name] = _build(cast(type[Any], hints[entry.name]), values, f"{name}.")
        elif name in values:
            given[entry.name] = values[name]
    return kind(**given)
