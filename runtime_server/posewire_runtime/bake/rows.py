"""Prompt lists: text, CSV, JSON lines or rows already parsed (YAML) -> checked rows, or all that is wrong.

A list's columns are those of `COLUMNS`; a text file has one prompt a line, `#` begins a comment. Prompts may
hold variables, `{who}`, each of whose values makes a row. `a => b` is one clip of two prompts.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from posewire_runtime.bake.passes import Passes, parse_passes
from posewire_runtime.errors import InvalidRequest, Violation

COLUMNS = ("prompt", "name", "seconds", "seed", "count", "model", "steps", "guidance", "passes", "tags")
JOINS = "=>"
"""Between the prompts of one clip."""
MOST_SEEDS = 10_000
LONGEST_NAME = 100

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list."""

    line: int
    prompts: tuple[str, ...]
    """One, or several that follow one another in one clip."""
    name: str = ""
    """Of its files; empty: made of the prompt."""
    seconds: tuple[float, ...] = ()
    """For each prompt; empty: estimated."""
    seeds: tuple[int, ...] = ()
    model: str = ""
    """Empty: the default one."""
    steps: int | None = None
    guidance: float | None = None
    passes: Passes | None = None
    """None: those of the command line."""
    tags: tuple[str, ...] = ()


class BadRow(ValueError):
    """Something is wrong with a row."""


@dataclass
class Problems:
    """All that is wrong with a list."""

    source: str
    """What the list is called in messages."""
    found: list[Violation]

    def add(self, line: int, message: str) -> None:
        """Note something."""
        self.found.append(Violation(f"{self.source}:{line}", message))

    def raise_any(self) -> None:
        """Raise one error with all of them, a line each, in the list's order."""
        if self.found:
            found = sorted(self.found, key=lambda v: int(v.field.rpartition(":")[2]))
            lines = "\n".join(f"  {v.field}: {v.message}" for v in found)
            count = f"{len(found)} problem{'s' if len(found) > 1 else ''}"
            raise InvalidRequest(f"{count} in the list, nothing was made:\n{lines}", found)


def read_rows(
    text: str, kind: str, problems: Problems, variables: Mapping[str, Sequence[str]] | None = None
) -> list[Row]:
    """The rows of a list of a kind (`txt`, `csv`, `jsonl`); what is wrong goes to `problems`."""
    return check_rows(_READERS[kind](text, problems), problems, variables)


def check_rows(
    raw: Iterable[tuple[int, Mapping[str, Any]]],
    problems: Problems,
    variables: Mapping[str, Sequence[str]] | None = None,
) -> list[Row]:
    """Rows from line numbers and columns."""
    rows: list[Row] = []
    for line, columns in raw:
        unknown = [name for name in columns if name not in COLUMNS]
        if unknown:
            problems.add(line, f"expected the columns {', '.join(COLUMNS)}; found {', '.join(unknown)}")
            continue
        row = _row(line, columns, problems)
        if row is not None:
            rows += _filled(row, variables or {}, problems)
    return rows


# ---------------------------------------------------------------------------------------------- kinds


def _text_rows(text: str, problems: Problems) -> Iterator[tuple[int, Mapping[str, Any]]]:
    del problems
    for line, words in enumerate(text.splitlines(), start=1):
        if words.strip() and not words.lstrip().startswith("#"):
            yield line, {"prompt": words}


def _csv_rows(text: str, problems: Problems) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        first: list[str] = next(reader, [""])
        header = [name.strip() for name in first]
        before = reader.line_num
        unknown = [name for name in header if name not in COLUMNS]
        if unknown or "prompt" not in header:
            expected = f"a header of the columns {', '.join(COLUMNS)}, prompt among them"
            problems.add(1, f"expected {expected}; found {', '.join(header) or 'nothing'}")
            return
        for cells in reader:
            line, before = before + 1, reader.line_num
            if len(cells) > len(header):
                problems.add(
                    line, f"expected {len(header)} columns, found {len(cells)}: quote text with commas"
                )
            elif any(cell.strip() for cell in cells):
                yield line, {k: v for k, v in zip(header, cells, strict=False) if v.strip()}
    except csv.Error as error:
        problems.add(reader.line_num or 1, f"expected CSV, but: {error}")


def _jsonl_rows(text: str, problems: Problems) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, words in enumerate(text.splitlines(), start=1):
        if not words.strip():
            continue
        try:
            found: Any = json.loads(words)
        except ValueError as error:
            problems.add(line, f"expected a JSON object, but: {error}")
            continue
        if isinstance(found, dict):
            yield line, {str(k): v for k, v in found.items() if v is not None}  # pyright: ignore
        else:
            problems.add(line, f"expected a JSON object, found {words.strip()[:40]!r}")


_READERS: Mapping[str, Callable[[str, Problems], Iterator[tuple[int, Mapping[str, Any]]]]] = {
    "txt": _text_rows,
    "csv": _csv_rows,
    "jsonl": _jsonl_rows,
}
KINDS = (*_READERS, "yaml")
"""Suffixes of lists; YAML is parsed by the caller."""


# ------------------------------------------------------------------------------------------ one row


def _row(line: int, columns: Mapping[str, Any], problems: Problems) -> Row | None:
    """A row, or None and a problem for each of its faults."""
    before = len(problems.found)

    def take(name: str, read: Callable[[Any], Any], default: Any) -> Any:
        try:
            return read(columns[name]) if name in columns else default
        except BadRow as error:
            problems.add(line, f"{name}: {error}")
            return default

    prompts = take("prompt", _prompts, None)
    if "prompt" not in columns or prompts == ():
        problems.add(line, "prompt: expected some text, found none")
    row = Row(
        line=line,
        prompts=prompts or ("",),
        name=take("name", _name, ""),
        seconds=take("seconds", _seconds, ()),
        seeds=take("seed", _seeds, ()),
        model=take("model", str, ""),
        steps=take("steps", lambda v: _whole(v, 1), None),
        guidance=take("guidance", _number, None),
        passes=take("passes", _passes, None),
        tags=take("tags", lambda v: tuple(_words(v)), ()),
    )
    count = take("count", lambda v: _whole(v, 1, MOST_SEEDS), None)
    if count is not None:
        first = row.seeds[0] if row.seeds else 0
        if len(row.seeds) > 1:
            problems.add(line, f"count: expected seeds or a count, found {len(row.seeds)} seeds and a count")
        row = replace(row, seeds=tuple(range(first, first + count)))
    if row.seconds and len(row.seconds) != len(row.prompts):
        found = f"{len(row.seconds)} for {len(row.prompts)}"
        problems.add(line, f"seconds: expected a length for each prompt of the row, found {found}")
    return row if len(problems.found) == before else None


def _filled(row: Row, variables: Mapping[str, Sequence[str]], problems: Problems) -> list[Row]:
    """The row once for each combination of the values of its variables."""
    used = list(dict.fromkeys(name for prompt in row.prompts for name in _VARIABLE.findall(prompt)))
    unknown = [name for name in used if name not in variables]
    if unknown:
        known = ", ".join(variables) or "none"
        problems.add(
            row.line, f"prompt: expected variables that --var gives ({known}), found {{{unknown[0]}}}"
        )
        return []
    rows: list[Row] = []
    for values in itertools.product(*(variables[name] for name in used)):
        chosen = dict(zip(used, values, strict=True))
        prompts = tuple(_VARIABLE.sub(lambda m: chosen[m.group(1)], prompt) for prompt in row.prompts)  # noqa: B023
        several = row.name and sum(len(variables[name]) > 1 for name in used)
        name = "_".join([row.name, *(re.sub(r"\W+", "_", v) for v in values)]) if several else row.name
        rows.append(replace(row, prompts=prompts, name=name))
    return rows


def _words(value: Any) -> list[str]:
    """A column's words; lists of other formats are words too."""
    if isinstance(value, list | tuple):
        return [str(part) for part in value]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return str(value).split()


def _prompts(value: Any) -> tuple[str, ...]:
    parts = [part.strip() for part in str(value).split(JOINS)]
    if not all(parts):
        raise BadRow(
            "expected some text" + (f" on both sides of {JOINS}, found none" if len(parts) > 1 else "")
        )
    return tuple(parts)


def _name(value: Any) -> str:
    name = str(value).strip()
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        shape = f"letters, digits, '_', '-' and '.', at most {LONGEST_NAME}"
        raise BadRow(f"expected {shape}, not beginning with '-' or '.'; found {name!r}")
    return name


def _seconds(value: Any) -> tuple[float, ...]:
    seconds = tuple(_number(word) for word in _words(value))
    if not seconds or min(seconds) <= 0:
        raise BadRow(f"expected numbers above 0, found {value!r}")
    return seconds


def _seeds(value: Any) -> tuple[int, ...]:
    seeds = tuple(_whole(word, 0) for word in _words(value))
    if len(set(seeds)) < len(seeds):
        raise BadRow(f"expected different seeds, found {value!r}")
    return seeds


def _whole(value: Any, least: int, most: int = 2**64 - 1) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        limit = f" to {most}" if most < 2**64 - 1 else ""
        raise BadRow(f"expected a whole number from {least}{limit}, found {value!r}")
    return number


def _number(value: Any) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRow(f"expected a number, found {value!r}")
    return number


def _passes(value: Any) -> Passes:
    try:
        return parse_passes(" ".join(_words(value)))
    except ValueError as error:
        raise BadRow(str(error)) from None
