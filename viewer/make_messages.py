"""Writes src/messages.gen.ts: the wire's messages as tables and types, from the generated Python stubs.

python viewer/make_messages.py            # after a change of the .proto files
"""

from __future__ import annotations

import sys
from pathlib import Path

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from posewire_proto.v1 import page_pb2, posewire_pb2

TARGET = Path(__file__).parent / "src" / "messages.gen.ts"

_HEADER = """\
// Made by viewer/make_messages.py from the .proto files. Don't edit.

/** Field number -> name, kind, and whether it repeats ("*"), may be absent ("?") or is there always (""). */
export type Schema = Readonly<Record<number, readonly [name: string, kind: string, how: "" | "?" | "*"]>>;
"""

_SCALARS = {
    FieldDescriptor.TYPE_DOUBLE: ("double", "number"),
    FieldDescriptor.TYPE_FLOAT: ("float", "number"),
    FieldDescriptor.TYPE_INT32: ("int32", "number"),
    FieldDescriptor.TYPE_UINT32: ("uint32", "number"),
    FieldDescriptor.TYPE_UINT64: ("uint64", "bigint"),
    FieldDescriptor.TYPE_BOOL: ("bool", "boolean"),
    FieldDescriptor.TYPE_STRING: ("string", "string"),
    FieldDescriptor.TYPE_BYTES: ("bytes", "Uint8Array"),
    FieldDescriptor.TYPE_ENUM: ("int32", "number"),
}


def _name(message: Descriptor) -> str:
    return message.full_name.removeprefix("posewire.v1.").replace(".", "")


def _messages() -> list[Descriptor]:
    """Every message of both files, entries of maps behind theirs."""
    found: list[Descriptor] = []
    for module in (posewire_pb2, page_pb2):
        for message in module.DESCRIPTOR.message_types_by_name.values():
            found += [*message.nested_types, message]
    return found


def _kind(field: FieldDescriptor) -> tuple[str, str]:
    """Its kind in the table, its type in TypeScript."""
    if field.message_type is not None:
        name = _name(field.message_type)
        return name, name
    return _SCALARS[field.type]


def _how(field: FieldDescriptor) -> str:
    if field.is_repeated:
        return "*"
    return "?" if field.has_presence else ""


def _write(message: Descriptor) -> tuple[str, str]:
    """Its row of the table, and its interface."""
    rows: list[str] = []
    lines: list[str] = []
    for field in message.fields:
        kind, written = _kind(field)
        how = _how(field)
        rows.append(f'{field.number}: ["{field.name}", "{kind}", "{how}"]')
        many = "[]" if how == "*" else ""
        lines.append(f"  {field.name}{'?' if how == '?' else ''}: {written}{many};")
    name = _name(message)
    table = f"  {name}: {{ {', '.join(rows)} }},".replace("{  }", "{}")
    body = "\n".join(lines)
    interface = f"export interface {name} {{\n{body}\n}}\n" if lines else f"export type {name} = object;\n"
    return table, interface


def text() -> str:
    """The file."""
    made = [_write(message) for message in _messages()]
    tables = "\n".join(table for table, _ in made)
    interfaces = "\n".join(interface for _, interface in made)
    types = "\n".join(f"  {_name(message)}: {_name(message)};" for message in _messages())
    return (
        f"{_HEADER}\nexport const SCHEMAS = {{\n{tables}\n}} as const satisfies Record<string, Schema>;\n\n"
        f"export interface Messages {{\n{types}\n}}\n\n{interfaces}"
    )


def main() -> None:
    """Write the file, or compare."""
    if "--check" not in sys.argv:
        TARGET.write_text(text(), "utf-8")
    elif TARGET.read_text("utf-8") != text():
        raise SystemExit(f"{TARGET.name} is stale: run scripts/gen_proto and, in viewer/, npm run build")


if __name__ == "__main__":
    main()
