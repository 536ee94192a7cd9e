"""The official HY-Motion folder (`config.yml`, `latest.ckpt`), read strictly.

Every option that this project has not verified is refused by name, and so is every tensor too
many, too few, of the wrong shape or not finite. Nothing of a checkpoint is ever executed.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from posewire_export.hymotion.network import Config, MotionTransformer
from posewire_runtime.errors import InvalidFile

PREFIX = "motion_transformer."
"""What the network's tensors are called in a checkpoint."""

IGNORED = ("body_model.", "text_encoder.")
"""Parts that a checkpoint may carry and that live elsewhere."""

_FIXED: Mapping[str, Any] = {
    "network_module": "hymotion/network/hymotion_mmdit.HunyuanMotionMMDiT",
    "network_module_args.mask_mode": "narrowband",
    "network_module_args.apply_rope_to_single_branch": False,
    "network_module_args.insert_start_token": False,
    "network_module_args.with_long_skip_connection": False,
    "network_module_args.norm_type": "layer",
    "network_module_args.qk_norm_type": "rms",
    "network_module_args.qkv_bias": True,
    "network_module_args.mlp_act_type": "gelu_tanh",
    "network_module_args.text_refiner_cfg.num_layers": 2,
    "network_module_args.final_layer_cfg.act_type": "silu",
    "network_module_args.narrowband_length": 2.0,
    "train_pipeline": "hymotion/pipeline/motion_diffusion.MotionFlowMatching",
    "train_pipeline_args.output_mesh_fps": 30,
    "train_pipeline_args.enable_ctxt_null_feat": True,
    "train_pipeline_args.enable_special_game_feat": True,
    "train_pipeline_args.noise_scheduler_cfg.method": "euler",
    "train_pipeline_args.text_encoder_cfg.llm_type": "qwen3",
    "train_pipeline_args.text_encoder_cfg.max_length_llm": 128,
}
"""Options with the one value that is implemented; absent ones take it."""

_SIZES = {
    "feat_dim": "width",
    "num_layers": "layers",
    "num_heads": "heads",
    "input_dim": "frame_dim",
    "ctxt_input_dim": "word_dim",
    "vtxt_input_dim": "sentence_dim",
}
"""Official names of the sizes, all required, and ours."""

_TRAINING_ONLY = frozenset({"dropout"})
"""Options without a meaning at run time."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `config.yml` says."""

    network: Config
    """Sizes."""
    fps: float
    """Frames per second of what the network makes."""
    steps: int
    """Euler steps of the reference."""
    guidance: float
    """Guidance scale of the reference."""
    noise_on_gpu: bool
    """Where the official tool draws its noise."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A verified checkpoint. The tensors stay on disk until they are read."""

    settings: Settings
    network: Mapping[str, Tensor]
    """The network's tensors, under the names of `MotionTransformer`."""
    pipeline: Mapping[str, Tensor]
    """Mean, std and the null and special vectors."""
    sha256: str
    """Of `latest.ckpt`."""


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read and verify an official model folder."""
    settings = read_settings(folder / "config.yml")
    path = folder / "latest.ckpt"
    tensors = {name: tensor for name, tensor in _load_tensors(path).items() if not name.startswith(IGNORED)}
    expected = expected_shapes(settings.network)
    _verify_names(path, tensors, expected)
    _verify_values(path, tensors)
    network = {name.removeprefix(PREFIX): t for name, t in tensors.items() if name.startswith(PREFIX)}
    pipeline = {name: t for name, t in tensors.items() if not name.startswith(PREFIX)}
    return Checkpoint(settings, network, pipeline, _sha256(path))


def load_network(checkpoint: Checkpoint) -> MotionTransformer:
    """The torch module with the checkpoint's weights, in evaluation mode."""
    with torch.device("meta"):
        network = MotionTransformer(checkpoint.settings.network)
    network.load_state_dict({n: t.float() for n, t in checkpoint.network.items()}, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def expected_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint of these sizes, and its shape."""
    with torch.device("meta"):
        network = MotionTransformer(config).state_dict()
    shapes = {PREFIX + name: tuple(tensor.shape) for name, tensor in network.items()}
    shapes |= {"mean": (config.frame_dim,), "std": (config.frame_dim,)}
    shapes |= dict.fromkeys(("null_vtxt_feat", "special_game_vtxt_feat"), (1, 1, config.sentence_dim))
    shapes |= dict.fromkeys(("null_ctxt_input", "special_game_ctxt_feat"), (1, 1, config.word_dim))
    return shapes


def read_settings(path: Path) -> Settings:
    """Parse `config.yml`, refusing what is not implemented."""
    options = _flatten(_load_yaml(path))
    for name, value in _FIXED.items():
        if options.get(name, value) != value:
            raise InvalidFile(f"{path}: {name} is {options[name]!r}; only {value!r} is supported")
    config = _network_config(path, options)
    pipeline = "train_pipeline_args."
    return Settings(
        network=config,
        fps=float(options.get(f"{pipeline}output_mesh_fps", 30)),
        steps=_positive(path, options, f"{pipeline}infer_noise_scheduler_cfg.validation_steps", 50),
        guidance=float(options.get(f"{pipeline}test_cfg.text_guidance_scale", 5.0)),
        noise_on_gpu=bool(options.get(f"{pipeline}random_generator_on_gpu", False)),
    )


def _network_config(path: Path, options: Mapping[str, Any]) -> Config:
    prefix = "network_module_args."
    given = {n.removeprefix(prefix): value for n, value in options.items() if n.startswith(prefix)}
    known = {*_SIZES, *_TRAINING_ONLY, "mlp_ratio", "time_factor"}
    known |= {name.removeprefix(prefix) for name in _FIXED if name.startswith(prefix)}
    if unknown := sorted(set(given) - known):
        raise InvalidFile(f"{path}: unknown options {', '.join(prefix + name for name in unknown)}")
    sizes = {ours: _positive(path, options, prefix + theirs) for theirs, ours in _SIZES.items()}
    config = Config(
        **sizes,
        mlp_ratio=float(given.get("mlp_ratio", 4.0)),
        time_factor=float(given.get("time_factor", 1000.0)),
        max_frames=_positive(path, options, "train_pipeline_args.train_frames", 360),
        says="velocity",
    )
    if config.layers % 3 or config.width % (2 * config.heads) or config.frame_dim != 201:
        raise InvalidFile(
            f"{path}: num_layers must be a multiple of 3, feat_dim an even multiple of num_heads, input_dim "
            f"201; found {config.layers}, {config.width} over {config.heads}, {config.frame_dim}"
        )
    return config


def _positive(path: Path, options: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = options.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise InvalidFile(f"{path}: {name} must be a positive whole number; found {value!r}")


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InvalidFile(
            f"{path}: not found; expected an official folder with config.yml and latest.ckpt"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidFile(f"{path}: not YAML ({_first_line(error)})") from error
    if not isinstance(tree, dict):
        raise InvalidFile(f"{path}: expected a mapping of options; found {type(tree).__name__}")
    return tree


def _load_tensors(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise InvalidFile(
            f"{path}: not found; expected an official folder with config.yml and latest.ckpt"
        ) from None
    except pickle.UnpicklingError as error:
        raise InvalidFile(
            f"{path}: refused, because it holds something other than tensors; "
            "get the official file again, or save it anew from a source you trust"
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise InvalidFile(f"{path}: truncated or not a torch checkpoint ({_first_line(error)})") from error
    tensors = content.get("model_state_dict") if isinstance(content, dict) else None
    if not isinstance(tensors, dict):
        raise InvalidFile(f"{path}: expected a mapping with 'model_state_dict'")
    return tensors


def _verify_names(path: Path, tensors: Mapping[str, Any], expected: Mapping[str, tuple[int, ...]]) -> None:
    problems = [f"missing {name}" for name in expected if name not in tensors]
    problems += [f"unexpected {name}" for name in tensors if name not in expected]
    for name, tensor in tensors.items():
        found = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
        if name in expected and found != expected[name]:
            problems.append(f"{name} should be {expected[name]} and is {found}")
    if problems:
        raise InvalidFile(f"{path}: doesn't fit config.yml: {'; '.join(problems)}")


def _verify_values(path: Path, tensors: Mapping[str, Tensor]) -> None:
    if bad := list(_not_finite(tensors)):
        raise InvalidFile(f"{path}: these weights are not finite: {', '.join(bad)}")


def _not_finite(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
            yield name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
