/** Motion as it arrives: frames in flat arrays, sampled without allocating. */

import type { Chunk, ClipEnd, ClipStart, GenerateResponse, Header, Joint } from "./messages.gen.ts";

const ROOT_BYTES = 12;
const CONTACT_BYTES = 1;
export const FLOAT32 = 1;
export const SMALLEST_THREE_48 = 2;
export type Packing = typeof FLOAT32 | typeof SMALLEST_THREE_48;
const JOINT_BYTES = { [FLOAT32]: 16, [SMALLEST_THREE_48]: 6 };
/** Largest value of a 15-bit component. */
const STEPS = 32767;

/** The joints of a character in rest pose; parents stand before their children. */
export interface Skeleton {
  readonly names: readonly string[];
  readonly parents: readonly number[];
  /** In model space, metres, 3 a joint. */
  readonly positions: Float32Array;
  /** Relative to the parent, xyzw, 4 a joint. */
  readonly rotations: Float32Array;
  /** The joint that a frame's root position places in the world. */
  readonly pelvis: number;
  /** Height of the soles in rest pose. */
  readonly sole: number;
}

export function readSkeleton(joints: readonly Joint[], pelvis: number, sole: number): Skeleton {
  const positions = new Float32Array(joints.length * 3);
  const rotations = new Float32Array(joints.length * 4);
  joints.forEach((joint, j) => {
    const { x = 0, y = 0, z = 0 } = joint.position ?? {};
    positions.set([x, y, z], j * 3);
    const turn = joint.rotation ?? { x: 0, y: 0, z: 0, w: 1 };
    rotations.set([turn.x, turn.y, turn.z, turn.w], j * 4);
  });
  return { names: joints.map((joint) => joint.name), parents: joints.map((joint) => joint.parent), positions, rotations, pelvis, sole };
}

/** The joints of a skeleton as messages carry them. */
export function writeJoints(skeleton: Skeleton): Joint[] {
  const { positions: p, rotations: q } = skeleton;
  return skeleton.names.map((name, j) => ({
    name,
    parent: skeleton.parents[j]!,
    position: { x: p[3 * j]!, y: p[3 * j + 1]!, z: p[3 * j + 2]! },
    rotation: { x: q[4 * j]!, y: q[4 * j + 1]!, z: q[4 * j + 2]!, w: q[4 * j + 3]! },
  }));
}

/** One clip: announced with all its frames, filled as chunks arrive. */
export class Clip {
  readonly rotations: Float32Array;
  readonly root: Float32Array;
  readonly contacts: Uint8Array;
  /** Frames that have arrived. */
  ready = 0;
  /** Changes when frames have moved to other places. */
  moves = 0;

  constructor(
    readonly skeleton: Skeleton,
    readonly fps: number,
    readonly frames: number,
    readonly seed: bigint,
    readonly model: string,
    readonly licenceNotice = "",
  ) {
    this.rotations = new Float32Array(frames * skeleton.names.length * 4);
    this.root = new Float32Array(frames * 3);
    this.contacts = new Uint8Array(frames);
  }

  /** How long it is once complete, in steps from frame to frame: a whole number, for those who ask each frame. */
  get span(): number {
    return Math.max(this.frames - 1, 1);
  }

  /** The same in seconds. */
  get seconds(): number {
    return this.span / this.fps;
  }

  get complete(): boolean {
    return this.ready === this.frames;
  }

  /** Whether more frames come for ever. */
  get endless(): boolean {
    return false;
  }

  /** Unpack frames that follow those that have arrived. */
  push(chunk: Pick<Chunk, "first_frame" | "frames" | "data">, packing: Packing = FLOAT32): void {
    const joints = this.skeleton.names.length;
    const width = frameBytes(joints, packing);
    if (chunk.data.length !== chunk.frames * width || chunk.first_frame !== this.ready)
      throw new Error(`expected frame ${this.ready} of ${width} bytes, found frame ${chunk.first_frame} in ${chunk.data.length} bytes`);
    const view = new DataView(chunk.data.buffer, chunk.data.byteOffset, chunk.data.byteLength);
    const read = READ[packing];
    for (let frame = 0; frame < chunk.frames; frame++) {
      let at = frame * width;
      const row = this.ready + frame;
      for (let i = 0; i < 3; i++, at += 4) this.root[row * 3 + i] = view.getFloat32(at, true);
      for (let j = 0; j < joints; j++, at += JOINT_BYTES[packing]) read(view, at, this.rotations, (row * joints + j) * 4);
      this.contacts[row] = view.getUint8(at);
    }
    this.ready += chunk.frames;
  }

  /** The clip as the stream that would have brought it: what the server makes files of. */
  events(): GenerateResponse[] {
    const header: Header = {
      stream_id: "",
      model: this.model,
      joints: writeJoints(this.skeleton),
      root_joint: this.skeleton.pelvis,
      fps: this.fps,
      packing: FLOAT32,
      frame_bytes: frameBytes(this.skeleton.names.length, FLOAT32),
      convention: "",
      contact_names: ["left_heel", "left_toe", "right_heel", "right_toe"],
      clips: 1,
      licence_notice: this.licenceNotice,
      nearest_prompt: "",
      notices: [],
      sole: this.skeleton.sole,
    };
    const clip_start: ClipStart = { clip: 0, seed: this.seed, frames: this.frames };
    const chunk: Chunk = { clip: 0, first_frame: 0, frames: this.frames, time: 0, data: this.pack(header.frame_bytes) };
    const clip_end: ClipEnd = { clip: 0, frames: this.frames, timings: [] };
    return [{ header }, { clip_start }, { chunk }, { clip_end }, { status: { code: 0, message: "", timings: [] } }];
  }

  private pack(width: number): Uint8Array {
    const data = new Uint8Array(this.frames * width);
    const view = new DataView(data.buffer);
    const numbers = this.skeleton.names.length * 4;
    for (let frame = 0; frame < this.frames; frame++) {
      let at = frame * width;
      for (let i = 0; i < 3; i++, at += 4) view.setFloat32(at, this.root[frame * 3 + i]!, true);
      for (let i = 0; i < numbers; i++, at += 4) view.setFloat32(at, this.rotations[frame * numbers + i]!, true);
      view.setUint8(at, this.contacts[frame]!);
    }
    return data;
  }
}

function frameBytes(joints: number, packing: Packing): number {
  return ROOT_BYTES + joints * JOINT_BYTES[packing] + CONTACT_BYTES;
}

/** Rotations out of a packed frame, by packing. */
const READ: Record<Packing, (view: DataView, at: number, into: Float32Array, to: number) => void> = {
  [FLOAT32]: (view, at, into, to) => {
    for (let i = 0; i < 4; i++) into[to + i] = view.getFloat32(at + 4 * i, true);
  },
  [SMALLEST_THREE_48]: (view, at, into, to) => {
    const low = view.getUint32(at, true);
    const high = view.getUint16(at + 4, true);
    const left = (high >>> 13) & 3;
    const levels = [low & STEPS, (low >>> 15) & STEPS, (low >>> 30) | ((high << 2) & STEPS)];
    let rest = 1;
    for (let i = 0, part = 0; i < 4; i++) {
      if (i === left) continue;
      const value = ((levels[part++]! / STEPS) * 2 - 1) / Math.SQRT2;
      into[to + i] = value;
      rest -= value * value;
    }
    into[to + left] = Math.sqrt(Math.max(rest, 0));
  },
};
