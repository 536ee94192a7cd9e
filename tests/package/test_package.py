"""Packages on disk: what is damaged is found, what is written is whole or not there."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posewire_runtime.errors import InvalidFile, PackageError
from posewire_runtime.packages import hashes
from posewire_runtime.packages import package as module
from posewire_runtime.packages.manifest import EncoderReference, Manifest, Parity
from posewire_runtime.packages.package import MANIFEST_FILE, Package, PackageWriter, portable_command

Write = Callable[..., Package]


def edit(package: Package, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest on disk."""
    path = package.root / MANIFEST_FILE
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")


# ---- reading ----------------------------------------------------------------


def test_what_was_written_is_read(package: Package) -> None:
    again = Package.open(package.root)
    assert again.manifest.to_dict() == package.manifest.to_dict()
    assert again.nbytes == 5 + 256 + 2
    assert again.graph_file("denoise").read_bytes() == b"graph"
    with pytest.raises(PackageError, match="expected a graph named 'sing', found: denoise"):
        again.graph_file("sing")


@pytest.mark.parametrize("verify", ["cached", "full"])
def test_a_changed_file_of_the_same_size_is_found(package: Package, verify: module.Verify) -> None:
    Package.open(package.root)
    (package.root / "weights.bin").write_bytes(bytes(256))
    expected = package.manifest.files["weights.bin"].sha256
    with pytest.raises(PackageError, match=rf"weights\.bin: expected sha256 {expected}, found 5341e6b2"):
        Package.open(package.root, verify=verify)


def test_a_missing_or_truncated_file_is_found_without_reading(package: Package) -> None:
    weights = package.root / "weights.bin"
    weights.write_bytes(bytes(255))
    with pytest.raises(PackageError, match=r"weights\.bin: expected 256 bytes, found 255"):
        Package.open(package.root, verify="sizes")
    weights.unlink()
    with pytest.raises(PackageError, match=r"weights\.bin: expected a file of 256 bytes, found none"):
        Package.open(package.root, verify="sizes")


def test_large_files_are_hashed_once_and_again_when_touched(
    package: Package, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    read: list[str] = []

    def spying(path: Path) -> str:
        read.append(path.name)
        return hashes.hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(hashes, "_LARGE", 100)
    monkeypatch.setattr(hashes, "sha256_of", spying)
    Package.open(package.root)
    assert sorted(read) == ["graph.onnx", "vocab.json", "weights.bin"]
    assert (own_cache / "verified.json").is_file()

    read.clear()
    Package.open(package.root)
    assert "weights.bin" not in read
    Package.open(package.root, verify="full")
    assert "weights.bin" in read

    weights = package.root / "weights.bin"
    before = weights.stat()
    weights.write_bytes(bytes(256))
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))  # who wants to hide it can't
    with pytest.raises(PackageError, match=r"weights\.bin: expected sha256"):
        Package.open(package.root)


def test_a_broken_memory_of_hashes_costs_time_only(
    package: Package, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    monkeypatch.setattr(hashes, "_LARGE", 0)
    own_cache.mkdir(parents=True)
    for content in ("{broken", "[1]", '{"1:2": 3}'):
        (own_cache / "verified.json").write_text(content)
        Package.open(package.root)
    shutil.rmtree(own_cache)
    own_cache.write_text("a file where the folder should be")
    Package.open(package.root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON, found"),
        ("[]", "the whole: expected a mapping, found"),
        ('{"format": NaN}', "the number NaN"),
        ('{"format": 1, "format": 1}', "a key that stands twice"),
        ('{"format": 99}', "format 99"),
    ],
)
def test_a_broken_manifest_is_one_clear_line(package: Package, text: str, message: str) -> None:
    (package.root / MANIFEST_FILE).write_text(text)
    with pytest.raises(PackageError, match=message) as caught:
        Package.open(package.root)
    assert "\n" not in str(caught.value)
    assert MANIFEST_FILE in str(caught.value)


def test_what_is_not_a_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"expected a model package .* found no such folder"):
        Package.open(tmp_path / "nowhere")
    with pytest.raises(PackageError, match="found such a folder without it"):
        Package.open(tmp_path)


def test_links_that_lead_out_are_refused(package: Package, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(256)))
    weights = package.root / "weights.bin"
    weights.unlink()
    weights.symlink_to(secret)
    with pytest.raises(PackageError, match="a link that leads out of it"):
        Package.open(package.root)


# ---- fingerprints and text encoders -----------------------------------------


def test_the_fingerprint_is_of_what_results_depend_on(package: Package) -> None:
    renamed = package.update(replace(package.manifest, name="other", description="other", parity=()))
    assert renamed.fingerprint == package.fingerprint
    configured = package.update(replace(package.manifest, config={"heads": 8}))
    assert configured.fingerprint != package.fingerprint


def encoder_manifest(content: Manifest) -> Manifest:
    return replace(content, kind="text-encoder", family="qwen3-clip", motion=None, text_encoder=None)


@pytest.mark.parametrize("place", ["inside", "beside"])
def test_a_text_encoder_is_found_and_must_be_the_right_one(
    tmp_path: Path, content: Manifest, write: Write, place: Any
) -> None:
    target = tmp_path / "model"
    with PackageWriter(target) as writer:
        home = writer.folder if place == "inside" else tmp_path
        encoder = write(home / "encoder", encoder_manifest(content))
        for name in ("graph.onnx", "weights.bin"):
            (writer.folder / name).write_bytes(b"x")
        reference = EncoderReference("encoder", place, encoder.fingerprint)
        written = writer.commit(replace(content, text_encoder=reference))
    assert not any(name.startswith("encoder/") for name in written.manifest.files)
    found = Package.open(target).text_encoder()
    assert found is not None
    assert found.fingerprint == encoder.fingerprint
    assert found.text_encoder() is None

    found.update(replace(found.manifest, config={"other": True}))
    with pytest.raises(PackageError, match="expected the text encoder with fingerprint"):
        Package.open(target).text_encoder()


# ---- writing ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 5}, "name: expected a text, found 5"),
        ({"config": {"scale": float("nan")}}, "config: expected plain finite values"),
        ({"config": {"array": {1, 2}}}, "config: expected plain finite values"),
        (
            {"parity": (Parity("v", "torch", 1, float("nan")),)},
            r"parity\[0\].error: expected a finite number",
        ),
    ],
)
def test_an_exporters_mistakes_do_not_wait_for_a_reader(
    tmp_path: Path, content: Manifest, write: Write, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(PackageError, match=message):
        write(tmp_path / "model", replace(content, **change))
    assert not (tmp_path / "model").exists()


def test_leaving_without_commit_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "model"

    def export() -> None:
        with PackageWriter(target) as writer:
            (writer.folder / "graph.onnx").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export()
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_breaks_its_own_rules_is_never_moved_into_place(
    tmp_path: Path, content: Manifest
) -> None:
    with (
        pytest.raises(PackageError, match="not listed in files"),
        PackageWriter(tmp_path / "model") as writer,
    ):
        writer.commit(content)  # nobody wrote its graph
    assert list(tmp_path.iterdir()) == []


def test_an_older_package_is_replaced_whole(package: Package, write: Write) -> None:
    (package.root / "left-over.txt").write_text("of the older one")
    again = write(package.root)
    assert not (again.root / "left-over.txt").exists()
    assert [path.name for path in package.root.parent.iterdir() if path.name != "cache"] == [
        package.root.name
    ]


def test_a_failed_replacement_keeps_the_older_package(
    package: Package, content: Manifest, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if target == package.root and not self.name.endswith("-old"):
            raise OSError("the disk says no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="says no"):
        write(package.root, replace(content, name="newer"))
    assert Package.open(package.root).manifest.name == "tiny"


def test_other_peoples_folders_and_files_are_refused_before_work_begins(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"")
    with pytest.raises(InvalidFile, match="found a folder with other things"):
        PackageWriter(tmp_path / "photos")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidFile, match="found a file"):
        PackageWriter(tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "photos"]


def test_an_empty_folder_and_missing_parents_are_fine(tmp_path: Path, write: Write) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty")
    write(tmp_path / "a" / "b" / "model")
    Package.open(tmp_path / "a" / "b" / "model")


def test_updating_the_manifest_keeps_the_files(package: Package) -> None:
    changed = package.update(replace(package.manifest, description="calibrated", files={}))
    assert Package.open(package.root).manifest.description == "calibrated"
    assert changed.manifest.files == package.manifest.files
    with pytest.raises(PackageError, match="format"):
        package.update(replace(package.manifest, format=0))
    assert Package.open(package.root).manifest.format == 1


def test_hand_edits_that_point_outside_are_refused(package: Package) -> None:
    edit(package, lambda data: data["files"].update({"../../etc/passwd": {"size": 1, "sha256": "0" * 64}}))
    with pytest.raises(PackageError, match="expected a path inside the package"):
        Package.open(package.root)


def test_commands_lose_their_paths() -> None:
    argv = [
        "/opt/bin/posewire",
        "export",
        "hymotion",
        "--checkpoint",
        "/data/HY/",
        "--out=C:\\models\\hy",
        "--steps",
        "8",
    ]
    assert portable_command(argv) == "posewire export hymotion --checkpoint HY --out=hy --steps 8"
