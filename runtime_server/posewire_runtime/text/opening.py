"""The encoder that a model of motion takes its features from: its package's, prompt packs', or both."""

from __future__ import annotations

from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.packages.package import Package
from posewire_runtime.text import compact
from posewire_runtime.text.compact import CompactEncoder
from posewire_runtime.text.encoder import TextEncoder
from posewire_runtime.text.packs import Encoder, PackedPrompts, PromptPack
from posewire_runtime.text.settings import Placement, TextSettings


def open_encoder(package: Package, engine: EngineSettings, settings: TextSettings) -> Encoder | None:
    """What encodes the prompts of a motion package; None where it takes prompts as they are.

    With packs that answer everything, the encoder's own package needs not be there.
    """
    reference, policy = package.manifest.text_encoder, settings.policy
    if reference is None:
        return None
    packs = [PromptPack.read(file) for file in settings.pack_files]
    for pack in packs:
        pack.check_encoder(reference.fingerprint, package.manifest.name)
    if packs and policy != "encode":
        return PackedPrompts(packs, policy)
    opened = package.text_encoder()
    assert opened is not None, "there is a reference"
    encoder = encoder_of(opened, engine, settings.placement)
    return PackedPrompts(packs, policy, encoder) if packs else encoder


def encoder_bytes(package: Package, settings: TextSettings) -> int:
    """Bytes of what `open_encoder` would read."""
    packs = sum(file.stat().st_size for file in settings.pack_files)
    if packs and settings.policy != "encode":
        return packs
    encoder = package.text_encoder(verify="sizes")
    return packs if encoder is None else packs + encoder.nbytes


def encoder_of(
    package: Package, engine: EngineSettings, placement: Placement
) -> TextEncoder | CompactEncoder:
    """The encoder that runs a text-encoder package, by its family."""
    if package.manifest.family == compact.FAMILY:
        return CompactEncoder(package, engine)
    return TextEncoder(package, engine, placement)
