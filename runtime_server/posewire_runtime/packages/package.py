"""A model package on disk: `posewire.json`, graphs and tokenizer files. Read, verify, write.

Verification happens where a package is opened. Sizes are always compared, hashes too; but a
large file that this machine has hashed before and that nobody has touched since is taken from
memory (`hashes`). So a damaged or replaced file is found at load, and gigabytes are read for
it only once. `verify="full"` trusts no memory; `verify="sizes"` is for looking, not for running.

Knows no graph runtime: inspecting a package imports neither onnxruntime nor torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Literal

from posewire_runtime.errors import InvalidFile, PackageError
from posewire_runtime.packages.hashes import HashMemory, sha256_of
from posewire_runtime.packages.manifest import FileEntry, Manifest, safe_relative

MANIFEST_FILE = "posewire.json"
Verify = Literal["sizes", "cached", "full"]


@dataclass(frozen=True, eq=False)
class Package:
    """An opened package."""

    root: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, verify: Verify = "cached") -> Package:
        """Read the manifest of the folder `path` and verify its files."""
        root = Path(path)
        package = cls(root, _read_manifest(root))
        package.verify(verify)
        return package

    def verify(self, how: Verify = "full") -> None:
        """Raise `PackageError` for the first file that is not what the manifest says."""
        for name, entry in self.manifest.files.items():
            _check_size(self.file(name), entry)
        if how != "sizes":
            memory = HashMemory(trust=how == "cached")
            paths = [self.file(name) for name in self.manifest.files]
            with ThreadPoolExecutor(4) as pool:  # hashing releases the interpreter's lock
                found = list(pool.map(memory.sha256, paths))
            for (name, entry), digest in zip(self.manifest.files.items(), found, strict=True):
                _check_hash(self.file(name), entry, digest)
            memory.save()
        if self.manifest.text_encoder is not None and self.manifest.text_encoder.place == "inside":
            self.text_encoder(verify=how)

    def file(self, name: str) -> Path:
        """Where a file of the manifest is; refuses links that lead out of the package."""
        if not safe_relative(name):
            raise PackageError(f"{self.root}: expected a path inside the package, found {name!r}")
        path = self.root / name
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise PackageError(
                f"{path}: expected a file inside the package, found a link that leads out of it"
            )
        return path

    def graph_file(self, name: str) -> Path:
        """Path of a graph by its name in the manifest."""
        if name not in self.manifest.graphs:
            known = ", ".join(self.manifest.graphs) or "none"
            raise PackageError(f"{self.root}: expected a graph named {name!r}, found: {known}")
        return self.file(self.manifest.graphs[name].file)

    def text_encoder(self, *, verify: Verify = "cached") -> Package | None:
        """The text-encoder package that this one refers to; None: it refers to none."""
        reference = self.manifest.text_encoder
        if reference is None:
            return None
        home = self.root if reference.place == "inside" else self.root.resolve().parent
        encoder = Package.open(home / reference.folder, verify=verify)
        if encoder.fingerprint != reference.fingerprint:
            raise PackageError(
                f"{encoder.root}: expected the text encoder with fingerprint {reference.fingerprint[:16]}…, "
                f"found {encoder.fingerprint[:16]}…; use the encoder {self.manifest.name} was exported with"
            )
        return encoder

    @property
    def fingerprint(self) -> str:
        """Hash of all that its results depend on: files, family and config; not of names and presets."""
        manifest = self.manifest
        files = {name: entry.sha256 for name, entry in sorted(manifest.files.items())}
        content = [manifest.kind, manifest.family, files, manifest.config]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def nbytes(self) -> int:
        """Bytes of all its files."""
        return sum(entry.size for entry in self.manifest.files.values())

    def update(self, manifest: Manifest) -> Package:
        """Replace the manifest, atomically; the files stay as they are (calibration stores its grids so)."""
        changed = _checked(replace(manifest, files=self.manifest.files))
        _write_atomically(self.root / MANIFEST_FILE, _dump(changed.to_dict()))
        return Package(self.root, changed)


class PackageWriter:
    """Builds a package in a hidden folder beside `target` and moves it there at the very end.

        with PackageWriter(target) as writer:
            ...  # write graphs and files under writer.folder
            package = writer.commit(manifest)

    Leaving the block without `commit` (an error, Ctrl-C) leaves nothing behind. An existing
    package at `target` is replaced; any other existing thing is refused before work begins.
    """

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self.target = Path(os.path.abspath(target))
        _refuse_foreign(self.target)
        self.target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{self.target.name}.partial-"
        self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self.target.parent))
        self.folder.chmod(0o755)  # mkdtemp's 0700 would stay with the package

    def __enter__(self) -> PackageWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def commit(self, manifest: Manifest) -> Package:
        """List and hash all files, write the manifest, check everything, move the folder into place."""
        names = _files_of(self.folder)
        with ThreadPoolExecutor(4) as pool:
            entries = list(pool.map(_entry, [self.folder / name for name in names]))
        manifest = _checked(replace(manifest, files=dict(zip(names, entries, strict=True))))
        (self.folder / MANIFEST_FILE).write_text(_dump(manifest.to_dict()), "utf-8")
        Package.open(self.folder, verify="sizes")
        _move_into_place(self.folder, self.target)
        return Package(self.target, manifest)


def portable_command(argv: Sequence[str]) -> str:
    """A command line for `Provenance.command`: paths are cut to their last part."""
    return " ".join([PurePath(argv[0]).name, *(_last_part(argument) for argument in argv[1:])])


def _last_part(argument: str) -> str:
    option, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
    name = re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return f"{option}{equals}{name}"


# ---- reading ----------------------------------------------------------------


def _read_manifest(root: Path) -> Manifest:
    path = root / MANIFEST_FILE
    if not path.is_file():
        found = "such a folder without it" if root.is_dir() else "no such folder"
        raise PackageError(f"{root}: expected a model package (a folder with {MANIFEST_FILE}), found {found}")
    try:
        data = json.loads(path.read_text("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except ValueError as error:  # of the decoder, of UTF-8 or of a hook
        raise PackageError(f"{path}: expected JSON, found: {error}") from None
    try:
        return Manifest.from_dict(data)
    except PackageError as error:
        raise PackageError(f"{path}: {error}") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key that stands twice among {keys}")
    return dict(pairs)


def _no_constant(name: str) -> object:
    raise ValueError(f"the number {name}")


def _check_size(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        raise PackageError(
            f"{path}: expected a file of {entry.size:,} bytes, found none; copy or export it again"
        )
    size = path.stat().st_size
    if size != entry.size:
        raise PackageError(
            f"{path}: expected {entry.size:,} bytes, found {size:,}; the file is damaged, "
            "copy or export it again"
        )


def _check_hash(path: Path, entry: FileEntry, digest: str) -> None:
    if digest != entry.sha256:
        raise PackageError(
            f"{path}: expected sha256 {entry.sha256}, found {digest}; the file is damaged or was changed, "
            "copy or export it again"
        )


# ---- writing ----------------------------------------------------------------


def _refuse_foreign(target: Path) -> None:
    """Only a package or an empty folder may stand where a package shall be."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InvalidFile(
            f"{target}: expected a free place for a package, found a file or link; remove it first"
        )
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST_FILE).is_file():
        raise InvalidFile(
            f"{target}: expected a free place or an older package, found a folder with other things; "
            "choose another place"
        )


def _files_of(folder: Path) -> list[str]:
    """Relative paths of all files; folders that are packages themselves answer for their own."""
    names: list[str] = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not Path(here, f, MANIFEST_FILE).is_file())
        names += [Path(here, f).relative_to(folder).as_posix() for f in sorted(files)]
    return [name for name in names if name != MANIFEST_FILE]


def _checked(manifest: Manifest) -> Manifest:
    """The manifest as a reader will see it: an exporter's wrong types shall not wait for one."""
    return Manifest.from_dict(manifest.to_dict())


def _entry(path: Path) -> FileEntry:
    return FileEntry(path.stat().st_size, sha256_of(path))


def _move_into_place(folder: Path, target: Path) -> None:
    """A folder can't be replaced in one call: an older package steps aside, and back on failure."""
    _refuse_foreign(target)
    if not target.exists():
        folder.rename(target)
        return
    aside = folder.with_name(f"{folder.name}-old")
    target.rename(aside)
    try:
        folder.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _write_atomically(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        partial.write_text(text, "utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _dump(data: Mapping[str, Any]) -> str:
    """JSON with one line for each list of plain values: 201 numbers don't take 201 lines."""
    try:
        text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:  # only `config` takes any value
        raise PackageError(f"config: expected plain finite values: {error}") from None
    flat = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s*\]")
    return flat.sub(lambda match: "[" + re.sub(r",\n\s+", ", ", match[1]) + "]", text) + "\n"
