"""Two Hugging Face folders -> one text-encoder package, checked in the engine that ships."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal, cast

from posewire_export.graph import GraphBuilder, WeightFile
from posewire_export.text import calibration, chat, clip, parity, qwen3
from posewire_export.text.checkpoint import Checkpoint
from posewire_export.text.configs import ClipConfig, Qwen3Config
from posewire_export.text.formats import Target
from posewire_export.text.net import Choice, Precision, Rounding, Texts
from posewire_runtime.errors import InvalidFile
from posewire_runtime.packages.hashes import sha256_of
from posewire_runtime.packages.manifest import GraphSpec, Manifest, Provenance
from posewire_runtime.packages.package import Package, PackageWriter
from posewire_runtime.packages.records import encode
from posewire_runtime.text.encoder import (
    FAMILY,
    ContextConfig,
    ContextTokenizer,
    SentenceConfig,
    SentenceTokenizer,
    TableConfig,
    TextConfig,
    load_tokenizer,
)
from posewire_runtime.types import Features, Float, Licence

KEEP = 128
"""Most tokens of a prompt that the motion model was trained with."""
ROWS_AT_A_TIME = 1 << 12
"""Of an embedding table being copied."""

_DTYPES: dict[str, Literal["float32", "float16", "bfloat16"]] = {
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
}

LICENCE = Licence(
    "Apache-2.0 AND MIT",
    "Converted weights of Qwen3 (Apache-2.0, Alibaba Cloud) and of CLIP's text model (MIT, OpenAI). "
    "Where other folders were exported, their own licences apply instead.",
)


@dataclass(frozen=True, slots=True)
class Options:
    """How a text encoder is exported."""

    precision: Precision = "fp32"
    target: Target = "cpu"
    """What the reduced precisions are laid out for."""
    name: str = "text-encoder"
    command: str = ""
    """The command line, for the manifest."""
    motion: Path | None = None
    """A motion package: the check then also says what rounding does to its motion."""
    check: bool = True
    """Run the finished graphs and compare; needs memory for the whole encoder."""
    report: Callable[[str], None] = lambda _: None
    """Told what is going on."""


@dataclass(frozen=True, eq=False)
class _Side:
    """One of the two models, written."""

    checkpoint: Checkpoint
    graph: GraphSpec
    truth: tuple[Float, ...]
    """What float32 makes of the reporting prompts."""
    choices: tuple[Choice, ...]


def export(llm: Path, sentence: Path, out: Path, options: Options = Options()) -> Package:
    """Write the package. Memory holds one matrix at a time, until the finished graphs are checked."""
    chat.check()
    with PackageWriter(out) as writer:
        folder = writer.folder
        config = TextConfig(_context_config(llm, folder), _sentence_config(sentence, folder))
        context = _write_context(Checkpoint(llm), folder, config.context, options)
        vectors = _write_sentence(Checkpoint(sentence), folder, config.sentence, options)
        _copy_licences((llm, sentence), folder)
        manifest = _manifest(config, context, vectors, options)
        if options.check:
            options.report("checking the graphs in ONNX Runtime")
            exact = [Features(c, s) for c, s in zip(context.truth, vectors.truth, strict=True)]
            measured = parity.compare(Package(folder, manifest), exact, options.precision, options.motion)
            manifest = replace(manifest, parity=(*measured, *manifest.parity))
        return writer.commit(manifest)


def _context_config(folder: Path, target: Path) -> ContextConfig:
    checkpoint = Checkpoint(folder)
    config = Qwen3Config.read(checkpoint.config, folder)
    checkpoint.require(config.shapes, qwen3.IGNORED)
    file = _copy_tokenizer(folder, target / "context.tokenizer.json", config.vocabulary)
    return ContextConfig(
        tokenizer=file.name,
        table=_table("context.table", checkpoint, qwen3.EMBEDDINGS, config.vocabulary, config.hidden),
        before=chat.BEFORE,
        after=chat.AFTER,
        prefix=chat.constant_ids(load_tokenizer(file, config.vocabulary), folder),
        keep=KEEP,
    )


def _sentence_config(folder: Path, target: Path) -> SentenceConfig:
    checkpoint = Checkpoint(folder)
    config = ClipConfig.read(checkpoint.config, folder)
    clip.require(checkpoint, config)
    file = _copy_tokenizer(folder, target / "sentence.tokenizer.json", config.vocabulary)
    return SentenceConfig(
        tokenizer=file.name,
        table=_table(
            "sentence.table", checkpoint, clip.embeddings(checkpoint), config.vocabulary, config.hidden
        ),
        keep=config.positions,
    )


def _table(file: str, checkpoint: Checkpoint, name: str, rows: int, width: int) -> TableConfig:
    stored = checkpoint.dtype(name)
    if stored not in _DTYPES:
        raise InvalidFile(f"{checkpoint.folder}: {name} is {stored}; expected one of {', '.join(_DTYPES)}")
    return TableConfig(file, _DTYPES[stored], rows, width)


def _write_context(checkpoint: Checkpoint, folder: Path, settings: ContextConfig, options: Options) -> _Side:
    config = Qwen3Config.read(checkpoint.config, checkpoint.folder)
    options.report(f"writing the language model: {config.layers} layers of {config.hidden}")
    tokenizer = ContextTokenizer(folder / settings.tokenizer, settings)
    skip = len(settings.prefix)
    choosing, reporting = (
        [tokens.ids[skip:] for tokens in tokenizer.tokenise(prompts)]
        for prompts in (calibration.CHOOSING, calibration.REPORTING)
    )
    texts = Texts.pack(settings.prefix, choosing, reporting)
    rounding = Rounding(options.precision, options.target)
    with WeightFile(folder / "context.weights") as weights:
        g = GraphBuilder("context", weights)
        rows = qwen3.write(g, checkpoint, config, texts, rounding)
    _copy_table(checkpoint, qwen3.EMBEDDINGS, folder, settings.table)
    truth = tuple(texts.split(rows)[-len(reporting) :])
    return _Side(checkpoint, g.save(options.precision), truth, tuple(rounding.choices))


def _write_sentence(
    checkpoint: Checkpoint, folder: Path, settings: SentenceConfig, options: Options
) -> _Side:
    config = ClipConfig.read(checkpoint.config, checkpoint.folder)
    options.report(f"writing the sentence model: {config.layers} layers of {config.hidden}")
    tokenizer = SentenceTokenizer(folder / settings.tokenizer, settings)
    choosing = tokenizer.tokenise(calibration.CHOOSING)
    reporting = tokenizer.tokenise(calibration.REPORTING)
    # The sentence model is small: at int4 it would save little and lose much.
    precision: Precision = "int8" if options.precision == "int4" else options.precision
    rounding = Rounding(precision, options.target)
    with WeightFile(folder / "sentence.weights") as weights:
        g = GraphBuilder("sentence", weights)
        vectors = clip.write(g, checkpoint, config, Texts.pack((), choosing, reporting), rounding)
    _copy_table(checkpoint, clip.embeddings(checkpoint), folder, settings.table)
    truth = tuple(vector[None] for vector in vectors[-len(reporting) :])
    return _Side(checkpoint, g.save(precision), truth, tuple(rounding.choices))


def _manifest(config: TextConfig, context: _Side, sentence: _Side, options: Options) -> Manifest:
    sides = (context, sentence)
    files = [file for side in sides for file in side.checkpoint.files]
    return Manifest(
        kind="text-encoder",
        family=FAMILY,
        name=options.name,
        licence=LICENCE,
        graphs={"context": context.graph, "sentence": sentence.graph},
        provenance=Provenance(
            source={f"{file.parent.name}/{file.name}": sha256_of(file) for file in files},
            exporter=f"posewire {version('posewire')}",
            command=options.command,
        ),
        parity=tuple(parity.raised(choice) for side in sides for choice in side.choices if choice.refused),
        config=cast(dict[str, object], encode(config)),
    )


def _copy_tokenizer(folder: Path, target: Path, rows: int) -> Path:
    source = folder / "tokenizer.json"
    if not source.is_file():
        raise InvalidFile(f"{source} is missing; expected the fast tokenizer of a Hugging Face folder")
    size = load_tokenizer(source, rows).get_vocab_size(with_added_tokens=True)
    # Tables are padded by a few hundred rows at most: far fewer tokens are another model's.
    if size < 0.9 * rows:
        raise InvalidFile(
            f"{source} knows {size} tokens, the weights have {rows} rows; "
            "the tokenizer doesn't belong to these weights"
        )
    shutil.copyfile(source, target)
    return target


def _copy_table(checkpoint: Checkpoint, name: str, folder: Path, table: TableConfig) -> None:
    """Copy an embedding table as it is stored."""
    with (folder / table.file).open("wb") as file:
        for start in range(0, table.rows, ROWS_AT_A_TIME):
            checkpoint.rows(name, start, min(start + ROWS_AT_A_TIME, table.rows)).tofile(file)


def _copy_licences(folders: Sequence[Path], target: Path) -> None:
    """Licence and notice texts travel with the weights."""
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.name.upper().startswith(("LICENSE", "LICENCE", "NOTICE")):
                shutil.copyfile(file, target / f"{folder.name}.{file.name}")
