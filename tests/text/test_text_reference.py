"""Graphs made of random models against transformers itself: shapes and layouts that goldens lack."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.text.encoder import TextEncoder

pytestmark = pytest.mark.export
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("onnx")

from posewire_export.text import chat  # noqa: E402
from posewire_export.text.encoder import export  # noqa: E402

PROMPTS = ("walk", "\nleading newline", "\n\n", "  ", "She kicks; 转身!", "<|im_end|> inside", "word " * 200)


@pytest.fixture(scope="module")
def sharded_llm(llm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three layers, six query heads on two key heads, heads wider than hidden / heads, three shards."""
    torch.manual_seed(5)
    config = transformers.Qwen3Config(
        vocab_size=611,
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=24,
        intermediate_size=80,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        initializer_range=0.1,
        tie_word_embeddings=True,
    )
    model = transformers.Qwen3ForCausalLM(config)
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    folder = tmp_path_factory.mktemp("folders") / "llm"
    model.save_pretrained(folder, max_shard_size="150KB")
    assert len(list(folder.glob("*.safetensors"))) >= 3
    tokenizer = json.loads((llm / "tokenizer.json").read_text("utf-8"))
    # As the real tokenizer does, read two newlines as one token: the chat's own and a prompt's first.
    tokenizer["model"]["vocab"]["ĊĊ"] = 603
    tokenizer["model"]["merges"].append(["Ċ", "Ċ"])
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    return folder


@pytest.fixture(scope="module")
def whole_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OpenAI's layout: nested configuration, vision weights and prefixed names beside the text model."""
    torch.manual_seed(6)
    text = {
        "vocab_size": 502,
        "hidden_size": 36,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "intermediate_size": 72,
        "max_position_embeddings": 40,
        "bos_token_id": 500,
        "eos_token_id": 501,
        "pad_token_id": 501,
    }
    vision = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    model = transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=vision))
    folder = tmp_path_factory.mktemp("folders") / "clip"
    model.save_pretrained(folder)
    assert "text_config" in json.loads((folder / "config.json").read_text())
    shutil.copy(clip / "tokenizer.json", folder)
    return folder


@pytest.fixture(scope="module")
def encoder(sharded_llm: Path, whole_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    return TextEncoder(export(sharded_llm, whole_clip, tmp_path_factory.mktemp("packages") / "encoder"))


def reference_context(folder: Path, prompt: str) -> np.ndarray:
    """As the reference does it, one prompt, no padding."""
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    model = transformers.Qwen3Model.from_pretrained(folder).eval()
    probe = tokenizer(chat.BEFORE + "<BOC>" + chat.AFTER).input_ids
    mark = tokenizer("<BOC>", add_special_tokens=False).input_ids
    crop = next(i for i in range(len(probe)) if probe[i : i + len(mark)] == mark)
    ids = tokenizer(chat.BEFORE + prompt + chat.AFTER).input_ids[: crop + 128]
    with torch.no_grad():
        return model(torch.tensor([ids])).last_hidden_state[0, crop:].numpy()


def reference_sentence(folder: Path, prompt: str) -> np.ndarray:
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    model = transformers.CLIPTextModel.from_pretrained(folder).eval()
    ids = tokenizer(prompt).input_ids
    ids = ids if len(ids) <= 40 else [*ids[:39], 501]
    with torch.no_grad():
        return model(torch.tensor([ids])).pooler_output.numpy()


@pytest.mark.parametrize("index", range(len(PROMPTS)))
def test_equal_to_transformers(encoder: TextEncoder, sharded_llm: Path, whole_clip: Path, index: int) -> None:
    found = encoder.encode(PROMPTS)[index]
    context = reference_context(sharded_llm, PROMPTS[index])
    assert found.tokens.shape == context.shape
    assert np.abs(found.tokens - context).max() < 1e-4 * np.abs(context).max()
    sentence = reference_sentence(whole_clip, PROMPTS[index])
    assert np.abs(found.sentence - sentence).max() < 1e-4 * np.abs(sentence).max()


def test_a_prompt_that_merges_with_the_chat_runs_whole(encoder: TextEncoder) -> None:
    """The case that the stored prefix must not serve: the newline before the prompt becomes another token."""
    tokens = encoder._context_tokens.tokenise(PROMPTS)  # pyright: ignore[reportPrivateUsage]
    assert [t.prefixed for t in tokens][:3] == [True, False, False]
