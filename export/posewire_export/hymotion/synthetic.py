"""Checkpoints of random weights by a fixed rule: for tests, and for measuring sizes nobody may hand out.

Weights of a name and shape are always the same. Their scale keeps activations near one, so that
such a network is no harder to compute, and no easier, than a trained one. It makes no sense of text.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor

from posewire_export.hymotion.checkpoint import PREFIX, expected_shapes
from posewire_export.hymotion.network import Config

FULL = Config(width=1280, layers=27, heads=20)
"""The sizes of HY-Motion 1.0."""
LITE = Config(width=1024, layers=18, heads=16)
"""The sizes of HY-Motion 1.0 Lite."""

_CONSTANT = slice(135, 138)
"""Dimensions that don't vary in the release: their deviation is zero."""


def random_tensors(config: Config) -> dict[str, Tensor]:
    """Every tensor of a checkpoint of these sizes, under its official name."""
    tensors = {name: _random(name, shape) for name, shape in expected_shapes(config).items()}
    tensors["std"] = tensors["std"].abs() + 0.05
    tensors["std"][_CONSTANT] = 0
    return tensors


def write_checkpoint(folder: Path, config: Config, tensors: Mapping[str, Tensor] | None = None) -> Path:
    """An official-looking folder of these sizes; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(yaml.safe_dump(official_options(config)), "utf-8")
    state = dict(random_tensors(config) if tensors is None else tensors)
    torch.save({"model_state_dict": state, "epoch": 0}, folder / "latest.ckpt")
    return folder


def official_options(config: Config) -> dict[str, object]:
    """What `config.yml` says for these sizes."""
    network = {
        "feat_dim": config.width,
        "num_layers": config.layers,
        "num_heads": config.heads,
        "input_dim": config.frame_dim,
        "ctxt_input_dim": config.word_dim,
        "vtxt_input_dim": config.sentence_dim,
        "mlp_ratio": config.mlp_ratio,
        "time_factor": config.time_factor,
        "mask_mode": "narrowband",
        "apply_rope_to_single_branch": False,
        "dropout": 0.0,
    }
    pipeline = {
        "train_frames": config.max_frames,
        "output_mesh_fps": 30,
        "random_generator_on_gpu": False,
        "infer_noise_scheduler_cfg": {"validation_steps": 50},
        "noise_scheduler_cfg": {"method": "euler"},
        "test_cfg": {"mean_std_dir": "./stats/", "text_guidance_scale": 5.0},
        "text_encoder_cfg": {"llm_type": "qwen3", "max_length_llm": 128},
    }
    return {
        "network_module": "hymotion/network/hymotion_mmdit.HunyuanMotionMMDiT",
        "network_module_args": network,
        "train_pipeline": "hymotion/pipeline/motion_diffusion.MotionFlowMatching",
        "train_pipeline_args": pipeline,
    }


def _random(name: str, shape: tuple[int, ...]) -> Tensor:
    rng = np.random.default_rng(zlib.crc32(name.removeprefix(PREFIX).encode()))
    values = rng.standard_normal(shape, np.float32)
    if len(shape) == 2:  # a matrix: keep the size of what goes through
        values *= np.float32(shape[1] ** -0.5)
    elif "norm" in name and name.endswith("weight"):
        values = 1 + np.float32(0.1) * values
    elif name.endswith("bias"):
        values *= np.float32(0.05)
    return torch.from_numpy(values)
