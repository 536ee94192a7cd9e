"""What `posewire bake` reads its rows from: a file or standard input, variables, tags."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posewire_runtime.bake.rows import Problems, Row


def read_list(options: argparse.Namespace, problems: Problems) -> list[Row]:
    """The rows of the list that are wanted; faults go to `problems`."""
    from posewire_runtime.bake.rows import KINDS, check_rows, read_rows
    from posewire_runtime.errors import InvalidFile, InvalidRequest, Violation

    kind = options.list_format or ("txt" if options.list == "-" else Path(options.list).suffix.lower()[1:])
    kind = {"yml": "yaml"}.get(kind, kind)
    if kind not in KINDS:
        raise InvalidFile(f"expected a list in {', '.join(KINDS)}, found {options.list!r}; try --list-format")
    try:
        text = sys.stdin.read() if options.list == "-" else Path(options.list).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(f"expected a list in UTF-8 at {options.list}, but: {error}") from error
    variables = _variables(options.var)
    if kind == "yaml":
        rows = check_rows(_yaml_rows(text, problems), problems, variables)
    else:
        rows = read_rows(text, kind, problems, variables)
    wanted = [row for row in rows if not options.only or set(options.only) & set(row.tags)]
    if not wanted and not problems.found:
        found = f"{len(rows)} rows, none tagged {' or '.join(options.only)}" if options.only else "no row"
        raise InvalidRequest.of([Violation("LIST", f"expected rows in {options.list}, found {found}")])
    return wanted


def _variables(words: Sequence[str]) -> dict[str, list[str]]:
    from posewire_runtime.errors import InvalidRequest, Violation

    found: dict[str, list[str]] = {}
    for word in words:
        name, equals, values = word.partition("=")
        found[name] = [value.strip() for value in values.split(",") if value.strip()]
        if not equals or not name.isidentifier() or not found[name]:
            message = f"expected NAME=VALUE or NAME=VALUE,VALUE…, found {word!r}"
            raise InvalidRequest.of([Violation("--var", message)])
    return found


def _yaml_rows(text: str, problems: Problems) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows of a YAML list of mappings or prompts, with their lines."""
    import yaml

    try:
        compose: Any = yaml.compose  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        top = compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.add(mark.line + 1 if mark else 1, f"expected YAML, but: {error}")
        return
    if not isinstance(top, yaml.SequenceNode):
        problems.add(1, "expected a list of rows")
        return
    build: Any = yaml.SafeLoader("")
    for node in top.value:
        line, value = node.start_mark.line + 1, build.construct_object(node, deep=True)
        if isinstance(value, str):
            yield line, {"prompt": value}
        elif isinstance(value, dict):
            yield line, {str(k): v for k, v in value.items() if v is not None}  # pyright: ignore
        else:
            problems.add(line, f"expected a mapping or a prompt, found {value!r}")
