"""What HY-Motion's text encoders take on a graphics card, and which cards hold them beside the network.

    python bench/text_budget.py

The encoder's bytes are `posewire_export.text.budget`'s, which a test holds against written files; the
network's are the counts of its two graphs in float16. RESERVE is an assumption, not a measurement:
display, CUDA's own memory, intermediate results. A game needs its share besides.
"""

from __future__ import annotations

from posewire_export.text.budget import CLIP_L, QWEN3_8B, clip_bytes, llm_bytes
from posewire_export.text.net import Precision

PREFIX = 101
RESERVE = 1.0e9
CARDS = (8, 12, 16, 24)
NETWORKS = {"full": 1_042_868_681 * 2, "Lite": 460_841_673 * 2}
"""Bytes of HY-Motion's network in float16."""
ENCODERS: tuple[Precision, ...] = ("fp16", "int8", "int4")


def encoder_bytes(precision: Precision) -> int:
    """On the card: both models without their tables."""
    llm = llm_bytes(QWEN3_8B, precision, "gpu", PREFIX)
    clip = clip_bytes(CLIP_L, precision, "gpu")
    return sum(side[part] for side in (llm, clip) for part in ("matrices", "rest"))


def placement(card: float, encoder: float, network: float) -> str:
    """The best placement that fits."""
    if encoder + network + RESERVE <= card:
        return "resident"
    return "cpu" if network + RESERVE <= card else "-"


def main() -> None:
    """Print the tables."""
    for precision in ENCODERS:
        matrices = llm_bytes(QWEN3_8B, precision, "gpu", PREFIX)["matrices"] / 1e9
        whole = encoder_bytes(precision) / 1e9
        print(f"{precision}: {matrices:.2f} GB matrices of Qwen3, {whole:.2f} GB in all")
    table = llm_bytes(QWEN3_8B, "fp16", "gpu", PREFIX)["table"] + clip_bytes(CLIP_L, "fp16", "gpu")["table"]
    print(f"embedding tables, mapped from disk: {table / 1e9:.2f} GB")
    for name, network in NETWORKS.items():
        print(f"beside {name} in float16 ({network / 1e9:.2f} GB) with {RESERVE / 1e9:.1f} GB reserved:")
        for card in CARDS:
            fits = {p: placement(card * 1e9, encoder_bytes(p), network) for p in ENCODERS}
            print(f"  {card:2} GB: " + ", ".join(f"{p} {where}" for p, where in fits.items()))


if __name__ == "__main__":
    main()
