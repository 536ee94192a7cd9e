"""The command line as a person or a script meets it: files, exit codes, messages, JSON."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.cli import build_parser, exit_code, run
from posewire_runtime.errors import GenerationFailed, MissingExtra, Overloaded, PackageError, UnknownModel

WAVE = "a person waves with the right hand"
MODEL = ("--model", "stand-in")
"""The same motion at once, on every machine."""


@contextmanager
def serving(*flags: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server in a process of its own."""
    command = [sys.executable, "-m", "posewire_runtime.cli", "serve", *MODEL, "--port", "0", "--json", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["listening"], process
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """Run a command that must fail with this code and one line; gives the line."""
    assert run(arguments) == code
    said = capsys.readouterr().err
    assert said.startswith("posewire: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said


def test_the_file_is_named_after_the_prompt(here: Path) -> None:
    assert run(["generate", WAVE, *MODEL, "--seconds", "1", "--seed", "3"]) == 0
    assert names(here) == ["a_person_waves_with_the_right_hand.glb"]


@pytest.mark.parametrize("suffix", [".glb", ".bvh", ".npz"])
def test_one_file_for_each_seed(here: Path, suffix: str) -> None:
    assert (
        run(["generate", WAVE, *MODEL, "--frames", "30", "--seed", "1,2", "--out", f"clips/wave{suffix}"])
        == 0
    )
    assert names(here / "clips") == [f"wave-1{suffix}", f"wave-2{suffix}"]


def test_raw_alone_writes_nothing_else(here: Path) -> None:
    assert run(["generate", WAVE, *MODEL, "--frames", "40", "--seed", "5,6", "--raw", "wave.npz"]) == 0
    assert names(here) == ["wave.npz"]
    with np.load("wave.npz") as arrays:
        assert arrays["rotations"].shape == (2, 40, 22, 4)
        assert arrays["seeds"].tolist() == [5, 6]


def test_the_same_seed_gives_the_same_bytes(here: Path) -> None:
    for out in ("one.glb", "two.glb"):
        assert run(["generate", WAVE, *MODEL, "--frames", "30", "--seed", "9", "--out", out]) == 0
    assert (here / "one.glb").read_bytes() == (here / "two.glb").read_bytes()


def test_json_for_programs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", WAVE, *MODEL, "--frames", "3", "--seed", "4", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "stand-in"
    assert report["clips"][0]["seed"] == 4
    assert report["files"] == ["a_person_waves_with_the_right_hand.glb"]
    assert [notice["code"] for notice in report["notices"]] == ["frames_raised"]


def test_a_picture_of_it(here: Path) -> None:
    assert (
        run(["generate", WAVE, *MODEL, "--frames", "30", "--picture", "wave.png", "--out", "wave.glb"]) == 0
    )
    assert (here / "wave.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("here")
def test_mistakes_get_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert "prompt" in refused(capsys, 2, "generate", "   ")
    assert "expected at most" in refused(capsys, 2, "generate", WAVE, *MODEL, "--seconds", "9999")
    assert "finite" in refused(capsys, 2, "generate", WAVE, *MODEL, "--seconds", "nan")
    assert "stand-in" in refused(capsys, 2, "generate", WAVE, "--model", "nobody")
    assert ".glb" in refused(capsys, 2, "generate", WAVE, *MODEL, "--out", "wave.doc")
    assert "--raw" in refused(
        capsys, 2, "generate", WAVE, *MODEL, "--raw", "w.npz", "--server", "127.0.0.1:1"
    )
    assert "F.npz" in refused(capsys, 2, "generate", WAVE, *MODEL, "--text-features", "F.npz")
    assert "port" in refused(capsys, 2, "serve", "--port", "70000")


def test_an_unwritable_folder_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "file").write_text("not a folder")
    said = refused(capsys, 2, "generate", WAVE, *MODEL, "--frames", "30", "--out", "file/wave.glb")
    assert "file" in said


def test_a_broken_package_is_exit_code_3(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "broken").mkdir()
    (here / "broken" / "posewire.json").write_text("{")
    assert "posewire.json" in refused(capsys, 3, "inspect", "broken")
    assert "posewire.json" in refused(capsys, 3, "generate", WAVE, "--model", "broken")


@pytest.mark.usefixtures("here")
def test_no_server_is_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    assert address in refused(capsys, 4, "generate", WAVE, *MODEL, "--server", address)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownModel("x"), 2),
        (PackageError("x"), 3),
        (Overloaded("x", 1.0), 4),
        (GenerationFailed("x"), 5),
        (MissingExtra("x", "export"), 6),
    ],
)
def test_exit_codes(error: Exception, code: int) -> None:
    assert exit_code(error) == code  # pyright: ignore[reportArgumentType]


def test_every_command_has_a_manual(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("serve", "generate", "inspect"):
        with pytest.raises(SystemExit) as stopped:
            build_parser().parse_args([command, "--help"])
        assert stopped.value.code == 0
        assert "examples:" in capsys.readouterr().out


def test_inspect_a_built_in_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "stand-in", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["name"] == "stand-in"
    assert facts["default_preset"] in facts["presets"]


def test_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["posewire"]


def test_through_a_server_it_is_the_same_motion(here: Path) -> None:
    with serving() as (address, _):
        asked = ["generate", WAVE, *MODEL, "--frames", "30", "--seed", "2"]
        assert run([*asked, "--server", address, "--out", "there.npz"]) == 0
        assert run([*asked, "--out", "here.npz"]) == 0
    with np.load(here / "there.npz") as there, np.load(here / "here.npz") as own:
        np.testing.assert_array_equal(there["rotations"], own["rotations"])
        np.testing.assert_array_equal(there["root"], own["root"])


def test_a_port_in_use_is_refused() -> None:
    with serving() as (address, _):
        command = [sys.executable, "-m", "posewire_runtime.cli", "serve", "--port", address.split(":")[1]]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 2
        assert "port" in second.stderr
        assert "Traceback" not in second.stderr


def test_sigterm_drains_and_exits_with_0() -> None:
    with serving() as (_, process):
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


@pytest.mark.usefixtures("here")
def test_settings_can_be_printed_and_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--port", "7000", "--print-config"]) == 0
    printed = capsys.readouterr().out
    Path("posewire.toml").write_text(printed)
    assert run(["serve", "--config", "posewire.toml", "--print-config"]) == 0
    assert capsys.readouterr().out == printed
    assert "port = 7000" in printed
