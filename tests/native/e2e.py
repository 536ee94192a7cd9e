"""The native client against real servers: python e2e.py PATH_TO_e2e [scenario ...]

Starts `posewire serve`, kills it and starts it again, asks for tokens and certificates; checks what arrived
against the Python client.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import numpy as np

from posewire_runtime.client import Client
from posewire_runtime.errors import InvalidRequest
from posewire_runtime.motion.rigs import BONE_TABLES, map_bones

PROMPT = "a person walks forward, then waves"
SEEDS = (7, 12345678901234567890)


class Server:
    """`posewire serve` as a process of its own."""

    def __init__(self, *options: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "posewire_runtime.cli", "serve", "--model", "stand-in", "--json"]
        command += ["--quiet", "--port", str(port), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the server did not start")
        self.address: str = json.loads(line)["listening"]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self._process.terminate()
        if self._process.wait(30) != 0:
            raise SystemExit(f"the server ended with {self._process.returncode}")


@contextmanager
def served(*options: str) -> Iterator[Server]:
    server = Server(*options)
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    server.close()


class Restarted:
    """A server that is killed and started again, on the same port."""

    def __init__(self) -> None:
        self._server = Server()
        self.address = self._server.address

    def kill(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server = Server(port=int(self.address.rpartition(":")[2]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()


class Door:
    """A port that leads to a server; can be shut, or lead only there, as a network that breaks."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._through: list[socket.socket] = []
        self._open = True
        self._answers = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        self._open = False
        for end in self._through:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._through.clear()

    def open(self) -> None:
        self._open = self._answers = True

    def lose_answers(self) -> None:
        """What the server says gets lost from now on; what it is told arrives."""
        self._answers = False

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            if not self._open:
                near.close()
                continue
            far = socket.create_connection(self._target)
            self._through += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other, one is far), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if self._answers or not answers:
                    other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


class Runner:
    """Runs scenarios of the C++ program."""

    def __init__(self, program: str) -> None:
        self.program = program

    def command(self, scenario: str, *arguments: object) -> list[str]:
        """How one is run."""
        return [self.program, scenario, *map(str, arguments)]

    def __call__(self, scenario: str, *arguments: object, given: str = "") -> str:
        command = self.command(scenario, *arguments)
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise SystemExit(f"{scenario} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        return done.stdout

    def talk(self, scenario: str, answers: dict[str, Callable[[], None]], *arguments: object) -> None:
        """Runs one that asks for things on its way."""
        command = self.command(scenario, *arguments)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                answers.get(line.strip(), lambda: print("  " + line.strip()))()  # noqa: B023
        if process.returncode:
            raise SystemExit(f"{scenario} failed ({process.returncode})")


def read_dump(path: Path) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Seed, rotations, root and contact bits of each clip."""
    data, at, clips = path.read_bytes(), 0, []
    while at < len(data):
        seed, frames, joints = (int(n) for n in np.frombuffer(data, "<u8", 3, at))
        at += 24
        rotations = np.frombuffer(data, "<f4", frames * joints * 4, at).reshape(frames, joints, 4)
        at += rotations.nbytes
        root = np.frombuffer(data, "<f4", frames * 3, at).reshape(frames, 3)
        at += root.nbytes
        contacts = np.frombuffer(data, np.uint8, frames, at)
        at += frames
        clips.append((seed, rotations, root, contacts))
    return clips


def compare(path: Path, address: str, prompt: str, seconds: float, tolerance: float) -> float:
    """The largest difference to what Python's client gets for the same seeds."""
    found = read_dump(path)
    with Client(address) as client:
        expected = client.clips(prompt, seconds=seconds, seeds=[seed for seed, *_ in found])
    worst = 0.0
    for (_, rotations, root, contacts), clip in zip(found, expected, strict=True):
        assert rotations.shape == clip.rotations.shape
        worst = max(worst, float(np.abs(np.abs(rotations) - np.abs(clip.rotations)).max()))
        worst = max(worst, float(np.abs(root - clip.root).max()))
        assert np.array_equal(
            np.unpackbits(contacts[:, None], axis=1, bitorder="little")[:, :4], clip.contacts
        )
    if worst > tolerance:
        raise SystemExit(f"expected the same motion as Python's within {tolerance}, found {worst}")
    return worst


def frames(run: Runner, folder: Path) -> None:
    with served() as server:
        for packing, tolerance in ((1, 0.0), (2, 1e-4)):
            path = folder / "dump"
            run("dump", server.address, packing, SEEDS[0], path, PROMPT)
            worst = compare(path, server.address, PROMPT, 2, tolerance)
            print(f"  packing {packing}: largest difference to Python's client {worst:.2g}")


def calls(run: Runner, folder: Path) -> None:
    del folder
    with served() as server:
        for scenario in ("models", "cancel", "errors", "leave", "retarget"):
            print("  " + scenario, run(scenario, server.address).strip())


def breaks(run: Runner, folder: Path) -> None:
    path = folder / "resumed"
    with Restarted() as server:
        run.talk("resume", {"kill it": server.kill, "start it": server.start}, server.address, path)
        worst = compare(path, server.address, "a person walks in a circle", 4, 0.0)
        print(f"  resumed: largest difference to an unbroken stream {worst:.2g}")
    with Restarted() as server:
        run.talk("broken", {"kill it": server.kill, "start it": server.start}, server.address)


def make_certificates(folder: Path) -> None:
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=ca",
    )
    (folder / "names").write_text("subjectAltName=DNS:posewire.test\n")
    for name in ("server", "client"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-extfile", "names", "-out", f"{name}.pem")  # fmt: skip


def security(run: Runner, folder: Path) -> None:
    make_certificates(folder)
    line = f"{hashlib.sha256(b'correct horse').hexdigest()} tester streams=1\n"
    (folder / "tokens").write_text(line)
    token = ("--token-file", str(folder / "tokens"))
    tls = ("certificate", "server.pem"), ("key", "server.key"), ("clients", "ca.pem")
    secure = (part for name, file in tls for part in (f"--tls-{name}", str(folder / file)))
    with served(*token, *secure) as server:
        run("secure", server.address, folder)
    with served(*token) as server:
        run("busy", server.address)


def rigs(run: Runner, folder: Path) -> None:
    """Bone names of all rigs, with marks and bones missing, mean the same to C++ and Python."""
    del folder
    rng = random.Random(3)
    checked = 0
    for table in BONE_TABLES.values():
        for prefix in ("", "mixamorig:", "Armature|", "mixamorig1_", "Bip001 "):
            names = ["root", "Root", *(prefix + bone for bone in table.values()), "prop", "camera_L"]
            for _ in range(3):
                rng.shuffle(names)
                found = run("bones", "-", given="\n".join(names)).splitlines()
                try:
                    expected = map_bones(names)
                    lines = [expected.rig, *(f"{joint}\t{bone}" for joint, bone in expected.bones.items())]
                except InvalidRequest:
                    lines = ["none"]
                assert found == lines, (names, found, lines)
                names.remove(rng.choice(names))
                checked += 1
    print(f"  {checked} lists of names")


def live(run: Runner, folder: Path) -> None:
    del folder
    with served() as server:
        print("  " + run("live", server.address).strip())
        door = Door(server.address)
        orders = {"shut it": door.shut, "open it": door.open, "lose answers": door.lose_answers}
        run.talk("live_breaks", orders, door.address)
    with served("--live-sessions", "3") as server:
        run("live_leave", server.address)
    with Restarted() as server:
        run.talk("live_lost", {"kill it": server.kill, "start it": server.start}, server.address)


SCENARIOS = {
    "frames": frames,
    "calls": calls,
    "breaks": breaks,
    "security": security,
    "rigs": rigs,
    "live": live,
}


def main() -> None:
    run, wanted = Runner(sys.argv[1]), sys.argv[2:] or list(SCENARIOS)
    for name in wanted:
        print(name, flush=True)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            SCENARIOS[name](run, Path(folder))
        print(f"  fine, {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
