/** Protobuf's binary format, driven by the tables of messages.gen.ts. Knows no message by name. */

import { SCHEMAS, type Messages, type Schema } from "./messages.gen.ts";

export type MessageName = keyof Messages;

/** A message as one writes it: whatever is left out stays absent. */
export type Partly<T> = T extends Uint8Array | bigint
  ? T
  : T extends (infer E)[]
    ? Partly<E>[]
    : T extends object
      ? { [K in keyof T]?: Partly<T[K]> }
      : T;

type Loose = Record<string, unknown>;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a message. */
export function encode<N extends MessageName>(name: N, message: Partly<Messages[N]>): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.message(name, message as Loose);
  return writer.bytes();
}

/** The message in these bytes; fields that nobody knows are skipped. */
export function decode<N extends MessageName>(name: N, bytes: Uint8Array): Messages[N] {
  return new Reader(bytes).message(name, bytes.length) as Messages[N];
}

class Writer {
  private buffer = new Uint8Array(256);
  private view = new DataView(this.buffer.buffer);
  private length = 0;

  bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }

  message(name: string, message: Loose): void {
    for (const [number, [field, kind, how]] of fields(name)) {
      const value = message[field];
      if (value === undefined) continue;
      if (how === "*") for (const each of value as unknown[]) this.field(number, kind, each);
      else if (how === "?" || !isDefault(value)) this.field(number, kind, value);
    }
  }

  private field(number: number, kind: string, value: unknown): void {
    const wire = wireType(kind);
    this.varint((number << 3) | wire);
    switch (kind) {
      case "double":
        this.reserve(8);
        this.view.setFloat64(this.length, value as number, true);
        this.length += 8;
        return;
      case "float":
        this.reserve(4);
        this.view.setFloat32(this.length, value as number, true);
        this.length += 4;
        return;
      case "uint64":
        return this.big(value as bigint);
      case "int32":
        return (value as number) < 0 ? this.big(BigInt.asUintN(64, BigInt(value as number))) : this.varint(value as number);
      case "uint32":
        return this.varint(value as number);
      case "bool":
        return this.varint(value ? 1 : 0);
      case "string":
        return this.block(encoder.encode(value as string));
      case "bytes":
        return this.block(value as Uint8Array);
      default: {
        const inner = new Writer();
        inner.message(kind, value as Loose);
        this.block(inner.buffer.subarray(0, inner.length));
      }
    }
  }

  private varint(value: number): void {
    this.reserve(5);
    let rest = value >>> 0;
    while (rest > 127) {
      this.buffer[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buffer[this.length++] = rest;
  }

  private big(value: bigint): void {
    this.reserve(10);
    let rest = value;
    while (rest > 127n) {
      this.buffer[this.length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.buffer[this.length++] = Number(rest);
  }

  private block(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const bigger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + more));
    bigger.set(this.buffer);
    this.buffer = bigger;
    this.view = new DataView(bigger.buffer);
  }
}

class Reader {
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly data: Uint8Array) {
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  message(name: string, end: number): Loose {
    const schema = SCHEMAS[name as MessageName] as Schema;
    const message = blank(name);
    while (this.at < end) {
      const tag = this.varint();
      const entry = schema[tag >>> 3];
      const wire = tag & 7;
      if (entry === undefined) {
        this.skip(wire);
        continue;
      }
      const [field, kind, how] = entry;
      if (how !== "*") message[field] = this.value(kind);
      else if (wire === LENGTH && wireType(kind) !== LENGTH) this.packed(kind, message[field] as unknown[]);
      else (message[field] as unknown[]).push(this.value(kind));
    }
    if (this.at !== end) throw new RangeError(`expected a ${name} to end at byte ${end}, found it at ${this.at}`);
    return message;
  }

  private packed(kind: string, into: unknown[]): void {
    const length = this.varint();
    const end = this.at + length;
    while (this.at < end) into.push(this.value(kind));
  }

  private value(kind: string): unknown {
    switch (kind) {
      case "double":
        this.at += 8;
        return this.view.getFloat64(this.at - 8, true);
      case "float":
        this.at += 4;
        return this.view.getFloat32(this.at - 4, true);
      case "uint64":
        return this.big();
      case "int32":
        return Number(BigInt.asIntN(32, this.big()));
      case "uint32":
        return this.varint();
      case "bool":
        return this.varint() !== 0;
      case "string":
        return decoder.decode(this.block());
      case "bytes":
        return this.block();
      default: {
        const length = this.varint();
        return this.message(kind, this.at + length);
      }
    }
  }

  private varint(): number {
    return Number(BigInt.asUintN(32, this.big()));
  }

  private big(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 127) << shift;
      if (byte < 128) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new RangeError("expected a number of at most ten bytes, found a longer one");
  }

  private byte(): number {
    if (this.at >= this.data.length) throw new RangeError("expected more bytes, found the message's end");
    return this.data[this.at++]!;
  }

  private block(): Uint8Array {
    const length = this.varint();
    if (this.at + length > this.data.length) throw new RangeError("expected more bytes, found the message's end");
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  private skip(wire: number): void {
    if (wire === VARINT) this.big();
    else if (wire === FIXED64) this.at += 8;
    else if (wire === FIXED32) this.at += 4;
    else if (wire === LENGTH) this.block();
    else throw new RangeError(`expected a field's kind of 0, 1, 2 or 5, found ${wire}`);
  }
}

function fields(name: string): [number, readonly [string, string, string]][] {
  return Object.entries(SCHEMAS[name as MessageName] as Schema).map(([number, entry]) => [Number(number), entry]);
}

function wireType(kind: string): number {
  if (kind === "double") return FIXED64;
  if (kind === "float") return FIXED32;
  return kind === "uint64" || kind === "int32" || kind === "uint32" || kind === "bool" ? VARINT : LENGTH;
}

function isDefault(value: unknown): boolean {
  return value === 0 || value === 0n || value === "" || value === false || (value instanceof Uint8Array && value.length === 0);
}

const DEFAULTS: Record<string, unknown> = { string: "", bool: false, uint64: 0n };

function blank(name: string): Loose {
  const message: Loose = {};
  for (const [, [field, kind, how]] of fields(name)) {
    if (how === "*") message[field] = [];
    else if (how === "") message[field] = kind === "bytes" ? new Uint8Array() : (DEFAULTS[kind] ?? 0);
  }
  return message;
}
