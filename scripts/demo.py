"""The demo: a server, a client that streams from it as a game would, two files to look at."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

from posewire_runtime import formats
from posewire_runtime.client import Client, Stream
from posewire_runtime.commands.models import STAND_IN
from posewire_runtime.commands.results import slug
from posewire_runtime.errors import PosewireError
from posewire_runtime.figure.picture import contact_sheet
from posewire_runtime.types import Clip

DRAIN = 10.0
"""Seconds that the server gets to stop by itself."""


@contextmanager
def server(viewer: bool) -> Iterator[dict[str, str]]:
    """A server on free loopback ports, and what it says about itself; stopped at the end."""
    command = [sys.executable, "-m", "posewire_runtime.cli", "serve", "--port", "0", "--json", "--quiet"]
    command += ["--viewer", "--viewer-port", "0"] if viewer else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit("posewire: the server stopped before it listened; its message stands above")
        yield json.loads(line)
    finally:
        process.terminate()
        try:
            process.wait(DRAIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def collect(stream: Stream) -> tuple[Clip, float]:
    """The clip, and the seconds from the request to its last frame."""
    began = time.perf_counter()
    [clip] = stream.clips()
    return clip, time.perf_counter() - began


def watch(page: str, options: argparse.Namespace) -> None:
    """Open the page on the same motion, until Ctrl-C."""
    wish = {"prompt": options.prompt, "seed": options.seed, "seconds": options.seconds}
    url = f"{page}#{urlencode(wish)}"
    webbrowser.open(url)
    print(f"watch         {url}; Ctrl-C stops the server", flush=True)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("prompt", nargs="?", default="a person waves with the right hand", metavar="PROMPT")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long the motion is (4)")
    parser.add_argument("--seed", type=int, default=7, help="which of its variations (7)")
    parser.add_argument(
        "--viewer", action="store_true", help="then watch in the browser, live from the server, until Ctrl-C"
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the files go (out)")
    options = parser.parse_args()
    began = time.perf_counter()
    with server(options.viewer) as listening, Client(listening["listening"]) as posewire:
        print(f"server        {listening['listening']}, ready in {time.perf_counter() - began:.2f} s")
        stream = posewire.generate(options.prompt, seconds=options.seconds, seeds=[options.seed])
        clip, seconds = collect(stream)
        tell(options, stream, clip, seconds)
        if options.viewer:
            watch(listening["viewer"], options)


def tell(options: argparse.Namespace, stream: Stream, clip: Clip, seconds: float) -> None:
    """Say how it went, and leave the files."""
    stand_in = stream.header.model == STAND_IN
    print(
        f"model         {'the stand-in: procedural motion, no network' if stand_in else stream.header.model}"
    )
    first = stream.first_frame_seconds or seconds
    print(f"first frame   {first * 1000:.1f} ms after the request")
    speed = clip.seconds / seconds
    print(
        f"frames        {clip.frames} at {clip.fps:g} fps, streamed {speed:,.0f} times faster than real time"
    )
    name = options.out / slug(options.prompt)
    formats.write(name.with_suffix(".glb"), clip, prompt=options.prompt, model=stream.header.model)
    contact_sheet(clip, name.with_suffix(".png"), options.prompt)
    print(f"files         {name.with_suffix('.glb')}, {name.with_suffix('.png')}")


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        main()
    except PosewireError as error:
        raise SystemExit(f"posewire: {error}") from None
