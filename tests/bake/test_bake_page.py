"""The page of everything baked: one file that shows moving figures, without a server or a network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.cli import run
from posewire_runtime.exchange.packing import Packing, unpack
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.formats import npz
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.types import Licence, Skeleton

LIST = """\
prompt,name,seconds,passes,tags
a person walks forward,walk,3,loop root-motion,loco
"turns left, then </script> stops",turn,2,in-place fps=60,loco
a person waves,wave,2,,plain
"""
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def bake(tmp_path: Path, *words: object) -> Path:
    (tmp_path / "list.csv").write_text(LIST)
    out = tmp_path / "out"
    assert (
        run(
            [
                "bake",
                "--model",
                "stand-in",
                str(tmp_path / "list.csv"),
                "--out",
                str(out),
                "--format",
                "npz",
                *map(str, words),
            ]
        )
        == 0
    )
    return out


def test_the_page_is_whole_and_safe(tmp_path: Path) -> None:
    page = (bake(tmp_path) / "index.html").read_text()
    assert page.count("</script>") == 2
    assert "\\u003c/script>" in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert not re.search(r"@[A-Z-]+@", page)


def test_its_policy_allows_its_own_script_and_style_only(tmp_path: Path) -> None:
    page = (bake(tmp_path) / "index.html").read_text()
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert [len(policy), len(scripts), len(styles)] == [1, 1, 1]
    assert policy[0].split("; ") == [
        "default-src 'none'",
        f"script-src {source(scripts[0])}",
        f"style-src {source(styles[0])}",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def source(text: str) -> str:
    """How a policy names an inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize(
    ("rig", "passes"), [("smpl22", "loop"), ("mixamo", "root-motion loop"), ("rigify", "in-place fps=60")]
)
def test_a_preview_shows_what_was_baked(tmp_path: Path, rig: str, passes: str) -> None:
    """Every joint stands where one of the file's does, from the first frame to the last."""
    out = bake(tmp_path, "--rig", rig, "--passes", passes, "--only", "plain")
    shown = json.loads((out / "wave.json").read_text())["preview"]
    parents, positions = shown["parents"], np.array(shown["positions"], np.float32).reshape(-1, 3)
    skeleton = Skeleton(tuple(map(str, range(len(parents)))), tuple(parents), positions)
    data = base64.b64decode(shown["data"])
    rotations, root, contacts = unpack(data, len(parents), Packing.SMALLEST_THREE_48)
    clip = npz.read(out / "wave.npz")
    assert len(root) == shown["frames"]
    assert (shown["frames"] - 1) / shown["fps"] == pytest.approx((clip.frames - 1) / clip.fps)
    _, expected = forward(clip.skeleton, clip.rotations, clip.root)
    _, found = forward(skeleton, rotations, root)
    for frame in (0, -1):
        apart = np.linalg.norm(found[frame][:, None] - expected[frame], axis=-1)  # (shown, J)
        assert apart.min(axis=1).max() < 1e-3
        np.testing.assert_array_equal(contacts[frame], clip.contacts[frame])


def browsed(page: Path, profile: Path, seconds: int) -> str:
    """What a browser makes of a page in so many seconds of its own."""
    order = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    order += ["--window-size=1280,1000", f"--virtual-time-budget={seconds * 1000}", "--dump-dom"]
    done = subprocess.run([*order, page.as_uri()], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: scripts/e2e_viewer installs it")
def test_a_browser_shows_every_clip(tmp_path: Path) -> None:
    """Opened as a file, it draws a figure for each clip."""
    out = bake(tmp_path, "--rig", "ue5-manny")
    # A canvas gets a size of its own only when its figure was unpacked to be drawn. On a busy machine the
    # browser's virtual time may pass without a single frame of the page: then it gets more of it.
    for seconds in (10, 30, 100):
        seen = browsed(out / "index.html", tmp_path / f"browser{seconds}", seconds)
        drawn = len(re.findall(r"<canvas [^>]*width=", seen))
        if drawn == 3:
            break
    assert '<span id="count">3 of 3 clips</span>' in seen
    assert [html.unescape(p) for p in re.findall(r'class="prompt">(.*?)</p>', seen)] == [
        "turns left, then </script> stops",
        "a person walks forward",
        "a person waves",
    ]
    assert drawn == 3
    assert 'href="walk.npz"' in seen


def test_licences_are_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the screen, in every sidecar, in the index, on the page and in the files themselves."""
    from posewire_runtime.commands import models
    from posewire_runtime.scheduler.library import Entry

    program = FakeProgram()
    notice = "Not to be used <at sea>."
    program.info = replace(
        program.info, licence=Licence("Own-1.0", notice, "dry land", restricts_outputs=True)
    )
    monkeypatch.setattr(models, "stand_in", lambda: Entry(program.info, lambda: program))
    out = bake(tmp_path)
    said = capsys.readouterr().err
    assert notice in said
    assert "dry land" in said
    licence = {"identifier": "Own-1.0", "notice": notice, "territory": "dry land", "restricts_outputs": True}
    assert json.loads((out / "walk.json").read_text())["model"]["licence"] == licence
    clips = json.loads((out / "index.json").read_text())["clips"]
    assert [clip["model"]["licence"] for clip in clips] == [licence] * 3
    assert (out / "index.html").read_text().count(html.escape(notice)) == 1
    assert notice.encode("utf-32-le") in (out / "walk.npz").read_bytes()


def test_previews_know_the_head(tmp_path: Path) -> None:
    """A hand that is held up all the time is none."""
    (tmp_path / "list.txt").write_text("a person waves\n")
    for name, bone in (("smpl22", "Head"), ("godot", "Head"), ("mixamo", "mixamorig:Head")):
        out = tmp_path / name
        words = ["--out", str(out), "--format", "npz", "--rig", name, "--passes", "root-motion"]
        assert run(["bake", "--model", "stand-in", str(tmp_path / "list.txt"), *words]) == 0
        preview = json.loads((out / "a_person_waves_0.json").read_text())["preview"]
        skeleton = npz.read(out / "a_person_waves_0.npz").skeleton
        below = [joint for joint in skeleton.names if joint not in ("Root", "root")]
        assert below[preview["head"]] == bone
        assert len(preview["parents"]) == len(below)
