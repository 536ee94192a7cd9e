"""Disks that are really full and folders that really can't be written: said clearly, nothing half-written."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from posewire_runtime.cli import run

LIST = "".join(f"a person walks {n} steps\n" for n in range(12))
STYLE = ("--format", "npz,glb", "--mesh", "none", "--batch", "4")

Mount = Callable[[str], Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Options -> a folder in memory mounted so; skips where nothing may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        order = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"remount,{options}" if mounted else options,
            "none",
            str(folder),
        ]
        try:
            done = subprocess.run(order, capture_output=True, text=True, timeout=60, check=False)
        except OSError as error:
            pytest.skip(f"needs mount: {error}")
        if done.returncode:
            pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", str(folder)], check=True, timeout=60)


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(LIST)
    return path


def bake(*words: object) -> int:
    return run(["bake", "--model", "stand-in", *map(str, words)])


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_disk_that_fills_up(
    mount: Mount, prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of the room that is needed: it stops with a message. With more room the same call goes on."""
    bake(prompts, "--out", tmp_path / "calm", *STYLE)
    calm = tree(tmp_path / "calm")
    full = mount(f"size={sum(map(len, calm.values())) // 2}") / "out"
    capsys.readouterr()
    assert bake(prompts, "--out", full, *STYLE) == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "Traceback" not in said
    left = tree(full)
    whole = {name: data for name, data in left.items() if not name.startswith(".")}
    assert whole, "what fitted stays"
    assert {name: calm[name] for name in whole} == whole, "nothing is half-written"
    assert set(left) - set(whole) <= {".bake.journal"}
    mount("size=64m")
    assert bake(prompts, "--out", full, *STYLE) == 0
    assert tree(full) == calm


def test_a_disk_that_is_read_only(mount: Mount, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Root too can't write here."""
    folder = mount("ro")
    for out in (folder, folder / "new"):
        assert bake(prompts, "--out", out, *STYLE) == 2
        said = capsys.readouterr().err
        assert f"expected to write into {out}, but: Read-only file system" in said
    assert tree(folder) == {}


def test_a_folder_without_permission(
    prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    if os.geteuid() == 0:
        folder = Path("/sys")  # no mode keeps root out, but nobody makes files here
    before = sorted(folder.iterdir())
    assert bake(prompts, "--out", folder, *STYLE) == 2
    assert re.search(
        f"expected to write into {folder}, but: (Permission denied|Operation not permitted|Read-only file)",
        capsys.readouterr().err,
    )
    assert sorted(folder.iterdir()) == before
