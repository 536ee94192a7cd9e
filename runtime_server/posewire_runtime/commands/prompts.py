"""`posewire prompts`: make, list and verify prompt packs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from posewire_runtime.commands.arguments import Subparsers
from posewire_runtime.commands.encode import add_encoder, open_encoder_package

if TYPE_CHECKING:
    from posewire_runtime.text.packs import PromptPack

_MANUAL = """\
A prompt pack holds the text features of known prompts: with one, a game ships no text encoder.

examples:
  posewire prompts pack --model packages/text-encoder prompts.txt --out game.pwp
  posewire prompts list game.pwp
  posewire prompts verify game.pwp --model packages/hymotion
"""

_PACK = """\
Encodes a text file's prompts, one a line, into a pack. Lines are taken as they are, blanks at their ends
included; empty lines are skipped, and a prompt that stands twice is packed once.
"""

_VERIFY = """\
Checks that a pack is whole. With --model also that it was made with the encoder of that model; for that the
encoder needs not be there.
"""


def register(subparsers: Subparsers) -> None:
    """Add `posewire prompts`."""
    parser = subparsers.add_parser("prompts", help="make, list and verify prompt packs", description=_MANUAL)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    pack = actions.add_parser("pack", help="make a pack of a list of prompts", description=_PACK)
    pack.add_argument("prompts", type=Path, metavar="PROMPTS.txt", help="the prompts, one a line, UTF-8")
    pack.add_argument("--out", type=Path, required=True, metavar="PACK.pwp", help="the pack to write")
    pack.add_argument("--half", action="store_true", help="store float16: half the size, about 1e-3 off")
    add_encoder(pack)
    pack.set_defaults(func=_pack)
    show = actions.add_parser("list", help="show what a pack holds")
    show.add_argument("pack", type=Path, metavar="PACK.pwp")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    show.set_defaults(func=_list)
    verify = actions.add_parser("verify", help="check a pack", description=_VERIFY)
    verify.add_argument("pack", type=Path, metavar="PACK.pwp")
    verify.add_argument("--model", metavar="P", help="a text-encoder package or a model package")
    verify.set_defaults(func=_verify)


def _pack(options: argparse.Namespace) -> int:
    from posewire_runtime.device.providers import EngineSettings
    from posewire_runtime.text.opening import encoder_of
    from posewire_runtime.text.packs import PromptPack

    prompts = _read_prompts(options.prompts)
    package = open_encoder_package(options.model)
    encoder = encoder_of(package, EngineSettings(provider=options.provider), options.text_encoder)
    pack = PromptPack.make(encoder, package.manifest.name, prompts, half=options.half)
    pack.write(options.out)
    print(f"{options.out}: {_summary(pack)}")
    return 0


def _list(options: argparse.Namespace) -> int:
    from posewire_runtime.text.packs import PromptPack

    pack = PromptPack.read(options.pack)
    if options.json:
        prompts = [{"text": p.text, "tokens": p.rows, "notices": p.notices} for p in pack.prompts]
        facts = {"encoder": pack.encoder_name, "fingerprint": pack.encoder, "bytes": pack.nbytes}
        print(json.dumps({**facts, "prompts": prompts}, indent=2, ensure_ascii=False))
        return 0
    print(f"{options.pack}: {_summary(pack)}")
    for prompt in pack.prompts:
        print(f"{prompt.rows:4}  {prompt.text}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from posewire_runtime.packages.package import Package
    from posewire_runtime.text.packs import PromptPack, encoder_fingerprint

    pack = PromptPack.read(options.pack)
    if options.model:
        # The encoder itself may be elsewhere: the model's manifest names it.
        package = Package.open(options.model, verify="sizes")
        pack.check_encoder(encoder_fingerprint(package), package.manifest.name)
    print(f"{options.pack}: {_summary(pack)}; as it should be")
    return 0


def _summary(pack: PromptPack) -> str:
    size = pack.nbytes / 2**20
    return f"{len(pack)} prompts, {size:.1f} MiB, encoder {pack.encoder_name} ({pack.encoder[:16]}…)"


def _read_prompts(path: Path) -> list[str]:
    from posewire_runtime.errors import InvalidFile

    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise InvalidFile(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidFile(f"{path}: expected UTF-8 text, found: {error}") from None
    return [line for line in (line.removesuffix("\r") for line in lines) if line]
