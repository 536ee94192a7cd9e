"""The command from end to end: the tree it leaves, killed, resumed, in parts, refused, through a server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from posewire_runtime.cli import run
from posewire_runtime.fakes import FakeProgram, Faults
from posewire_runtime.formats import npz

LIST = """\
prompt,name,seconds,seed,passes,tags
a person walks forward,walk,3,,foot-lock loop root-motion,loco
a person stands idle,,2,1 2,,
a person walks forward => a person waves,mix,2 2,,keys=0.5,
"turns left, then </script> stops",turn,2,,in-place fps=60,loco
"""
COMMAND = [sys.executable, "-m", "posewire_runtime.cli", "bake", "--model", "stand-in"]


def bake(*words: object) -> int:
    return run(["bake", "--model", "stand-in", *map(str, words)])


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.csv"
    path.write_text(LIST)
    return path


def test_the_tree_holds_a_file_for_each_row_seed_and_format(prompts: Path, tmp_path: Path) -> None:
    assert bake(prompts, "--out", tmp_path / "out", "--format", "npz,json,bvh", "--mesh", "none") == 0
    names = ["walk", "a_person_stands_idle_1", "a_person_stands_idle_2", "mix", "turn"]
    expected = {name + end for name in names for end in (".npz", ".motion.json", ".bvh", ".json")}
    assert set(tree(tmp_path / "out")) == expected | {"index.json", "index.html"}


def test_sidecars_tell_everything(prompts: Path, tmp_path: Path) -> None:
    bake(prompts, "--out", tmp_path / "out", "--format", "npz")
    walk = json.loads((tmp_path / "out/walk.json").read_text())
    assert (walk["prompt"], walk["seed"], walk["fps"]) == ("a person walks forward", 0, 30)
    assert walk["model"]["name"] == "stand-in"
    assert walk["model"]["licence"]["identifier"] == "Apache-2.0"
    assert walk["sampling"] == {"preset": "fast", "steps": 8, "guidance": None, "solver": None}
    assert walk["loops"] is True
    assert walk["report"]["loop"]["after"]["metres"] < 1e-4
    report = walk["report"]["foot_lock"]
    assert report["sliding_after"] < 0.1 * report["sliding_before"]
    mix = json.loads((tmp_path / "out/mix.json").read_text())
    assert mix["prompt"] == "a person walks forward => a person waves"
    assert mix["report"]["keys"]["kept"] < mix["report"]["keys"]["of"]
    turn = json.loads((tmp_path / "out/turn.json").read_text())
    assert (
        len(turn["report"]["travel"]["headings"])
        == turn["frames"]
        == npz.read(tmp_path / "out/turn.npz").frames
    )
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert [clip["name"] for clip in index["clips"]] == sorted(clip["name"] for clip in index["clips"])


def test_no_file_knows_the_time(prompts: Path, tmp_path: Path) -> None:
    arguments = ("--format", "glb,fbx,bvh,usd,npz,json,anim", "--rig", "ue5-manny")
    for folder in "ab":
        assert bake(prompts, "--out", tmp_path / folder, *arguments) == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_what_is_there_is_left_alone(
    prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    bake(prompts, "--out", out, "--format", "npz")
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.npz")}
    (out / "walk.npz").unlink()
    capsys.readouterr()
    bake(prompts, "--out", out, "--format", "npz", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["made"], report["kept"]) == (1, 4)
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("*.npz")}
    assert [name for name in before if before[name] != after[name]] == ["walk.npz"]


def test_another_wish_makes_it_anew(
    prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bake(prompts, "--out", tmp_path / "out", "--format", "npz")
    capsys.readouterr()
    bake(prompts, "--out", tmp_path / "out", "--format", "npz", "--rig", "mixamo", "--json")
    assert json.loads(capsys.readouterr().out)["made"] == 5


def test_a_torn_journal_and_half_files_do_no_harm(prompts: Path, tmp_path: Path) -> None:
    bake(prompts, "--out", tmp_path / "calm", "--format", "npz")
    out = tmp_path / "out"
    out.mkdir()
    (out / ".bake.journal").write_text('{"name": "walk", "key": "x"}\nnonsense\n{"name": "turn", "ke')
    (out / ".0123456789ab.part").write_bytes(b"half")
    (out / "index-of-mine.json").write_text("[]")
    bake(prompts, "--out", out, "--format", "npz")
    (out / "index-of-mine.json").unlink()
    assert tree(out) == tree(tmp_path / "calm")


def test_parts_make_the_whole(prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bake(prompts, "--out", tmp_path / "whole", "--format", "npz,glb")
    for part in ("1/2", "2/2"):
        assert bake(prompts, "--out", tmp_path / "parts", "--format", "npz,glb", "--shard", part) == 0
    assert (tmp_path / "parts/index-1-of-2.html").is_file()
    capsys.readouterr()
    bake(prompts, "--out", tmp_path / "parts", "--format", "npz,glb", "--json")
    assert json.loads(capsys.readouterr().out)["made"] == 0
    assert tree(tmp_path / "parts") == tree(tmp_path / "whole")


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_the_batch_changes_nothing(batch: int, prompts: Path, tmp_path: Path) -> None:
    bake(prompts, "--out", tmp_path / "a", "--format", "npz")
    bake(prompts, "--out", tmp_path / "b", "--format", "npz", "--batch", batch)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_through_a_server_it_is_the_same_motion(prompts: Path, tmp_path: Path) -> None:
    """Sidecars differ in nothing either; rotations travel as floats."""
    serve = [sys.executable, "-m", "posewire_runtime.cli", "serve", "--model", "stand-in"]
    serve += ["--port", "0", "--json", "--quiet"]
    process = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["listening"]
        assert bake(prompts, "--out", tmp_path / "far", "--format", "npz", "--server", address) == 0
    finally:
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()
    bake(prompts, "--out", tmp_path / "near", "--format", "npz")
    assert set(tree(tmp_path / "far")) == set(tree(tmp_path / "near"))
    for name in ("walk", "mix", "turn"):
        far, near = (npz.read(tmp_path / side / f"{name}.npz") for side in ("far", "near"))
        assert far.frames == near.frames
        assert abs(far.rotations - near.rotations).max() < 1e-5
        assert abs(far.root - near.root).max() < 1e-5


def test_a_dry_run_makes_nothing(prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bake(prompts, "--out", tmp_path / "out", "--format", "glb,npz", "--dry-run", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["clips"], report["files"]) == (5, 10)
    assert report["at_most_seconds"] > 0
    assert not (tmp_path / "out").exists()


def test_tags_and_variables_choose(prompts: Path, tmp_path: Path) -> None:
    bake(prompts, "--out", tmp_path / "out", "--format", "npz", "--only", "loco")
    assert {path.stem for path in (tmp_path / "out").glob("*.npz")} == {"walk", "turn"}


def test_yaml_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "list.yaml").write_text("- a person waves\n- prompt: sits\n  seed: [3, 4]\n  seconds: 2\n")
    assert bake(tmp_path / "list.yaml", "--out", tmp_path / "out", "--format", "npz") == 0
    assert len(list((tmp_path / "out").glob("*.npz"))) == 3
    (tmp_path / "list.yaml").write_text("- a person waves\n- promt: sits\n- 3\n")
    assert bake(tmp_path / "list.yaml", "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "list.yaml:2: expected the columns" in said
    assert "list.yaml:3: expected a mapping or a prompt" in said


def test_standard_input(tmp_path: Path) -> None:
    words = [*COMMAND, "-", "--out", "out", "--format", "npz"]
    subprocess.run(words, cwd=tmp_path, input=b"a person waves\n", check=True, capture_output=True)
    assert (tmp_path / "out/a_person_waves_0.npz").is_file()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--format", "gif"], "--format: expected formats of glb, fbx"),
        (["--rig", "robot"], "rig: expected one of smpl22"),
        (["--passes", "fly"], "--passes: expected passes of trim"),
        (["--embed"], "--embed: expected --target with it"),
        (["--target", "no.txt"], "expected a character in .glb"),
        (["--target", "no.glb"], "no.glb to be a GLB file"),
        (["--model", "nobody"], "expected a built-in model"),
        (["--only", "nothing"], "none tagged nothing"),
        (["--var", "x"], "--var: expected NAME=VALUE"),
        (["--batch", "0"], "--batch: expected at least 1"),
    ],
)
def test_wishes_that_cannot_be(
    words: list[str], expected: str, prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bake(prompts, "--out", tmp_path / "out", *words) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_mistakes_stop_it_before_anything_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.csv").write_text(
        "prompt,name,seconds,model\nwalks,a/b,3,\n,x,,\nsits,y,3,nobody\nsits,z,9e9,\n"
    )
    assert bake(tmp_path / "list.csv", "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "4 problems in the list, nothing was made" in said
    assert [line.split(":")[1] for line in said.splitlines()[1:5]] == ["2", "3", "4", "5"]
    assert not (tmp_path / "out").exists()


def test_a_folder_in_the_way_is_named(
    prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file")
    assert bake(prompts, "--out", tmp_path / "out") == 2
    assert "expected to write into" in capsys.readouterr().err


def test_a_full_disk_keeps_what_is_done(
    prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk is full from the fourth file on; with room again the same call goes on, and ends the same."""
    bake(prompts, "--out", tmp_path / "calm", "--format", "npz")
    written = 0
    whole = Path.write_bytes

    def nearly_full(self: Path, data: bytes) -> int:
        nonlocal written
        written += 1
        if written > 3:
            whole(self, data[:10])
            raise OSError(28, "No space left on device")
        return whole(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", nearly_full)
        capsys.readouterr()
        assert bake(prompts, "--out", tmp_path / "out", "--format", "npz") == 2
        assert "No space left on device" in capsys.readouterr().err
    assert len(list((tmp_path / "out").glob("*.npz"))) == 2
    assert not list((tmp_path / "out").glob(".*.part"))
    bake(prompts, "--out", tmp_path / "out", "--format", "npz", "--json")
    assert json.loads(capsys.readouterr().out)["kept"] == 1
    assert tree(tmp_path / "out") == tree(tmp_path / "calm")


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stand-in that can't make what says "explode"."""
    from posewire_runtime.commands import models
    from posewire_runtime.scheduler.library import Entry

    program = FakeProgram(faults=Faults(not_finite_word="explode"))
    with monkeypatch.context() as patch:
        patch.setattr(models, "stand_in", lambda: Entry(program.info, lambda: program))
        yield


@pytest.mark.usefixtures("faulty")
def test_one_failure_is_listed_and_the_others_are_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text("a person waves\nlet it explode\na person sits\n")
    assert bake(tmp_path / "list.txt", "--out", tmp_path / "out", "--format", "npz") == 5
    said = capsys.readouterr()
    assert "let_it_explode_0 failed, line 2" in said.err
    assert "2 clips made, 0 were there, 1 failed" in said.out
    out = tmp_path / "out"
    assert {path.stem for path in out.glob("*.npz")} == {"a_person_waves_0", "a_person_sits_0"}
    assert (out / ".bake.journal").is_file()
    assert "explode" not in (out / "index.html").read_text()
