"""What `posewire inspect` shows."""

import json
import subprocess
import sys
from dataclasses import replace

from posewire_runtime.packages.describe import describe, describe_text, human_size
from posewire_runtime.packages.package import Package


def test_the_mapping_is_the_whole_manifest_and_fits_json(package: Package) -> None:
    found = describe(package)
    assert found["bytes"] == 263
    assert found["fingerprint"] == package.fingerprint
    assert package.manifest.to_dict().items() <= found.items()
    assert json.loads(json.dumps(found)) == found


def test_the_page_shows_what_binds_and_what_is_there(package: Package) -> None:
    page = describe_text(package)
    for shown in (
        "tiny: motion package of the family hymotion, format 1",
        "Custom-1.0",
        "Territory: everywhere but the moon",
        "Its restrictions also bind the motion",
        "And [this].",
        "20 to 360 frames, up to 100 steps",
        "* fast",
        "ab2, guidance 5, error 0.012",
        "guided from 0.1 to 0.9",
        "times 0 0.3 1",
        "encoder (beside this package), fingerprint ffff",
        "denoise: fp32, opset 21, 261 bytes in graph.onnx, weights.bin",
        "in   x: float32 (rows, 201)",
        "velocity against torch: 2e-06, limit 0.0001 (max |a - b| / max |b|, 3 cases)",
        'nested: {"list": [1, 2]}',
        "tokenizer/vocab.json",
        "from latest.ckpt, sha256 0000",
        package.fingerprint,
    ):
        assert shown in page
    assert max(len(line) for line in page.splitlines()) < 130


def test_a_text_encoder_has_no_motion_to_show(package: Package) -> None:
    manifest = replace(package.manifest, kind="text-encoder", motion=None, text_encoder=None)
    page = describe_text(Package(package.root, manifest))
    assert "Presets" not in page
    assert "Motion " not in page


def test_sizes_are_for_people() -> None:
    assert [human_size(n) for n in (0, 999, 1000, 1_500_000, 2_130_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "1.5 MB",
        "2.1 GB",
    ]


def test_looking_needs_no_graph_runtime(package: Package) -> None:
    script = (
        "import sys; from posewire_runtime.packages.package import Package;"
        "from posewire_runtime.packages.describe import describe_text;"
        "from posewire_runtime.families import package_info;"
        f"p = Package.open({str(package.root)!r}); describe_text(p); package_info(p);"
        "print(sorted({'onnxruntime', 'torch', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
