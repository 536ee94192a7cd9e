/**
 * One pose of a clip between two of its frames: what figures and drawings take their joints from. Knows no scene.
 *
 * Times come as a clock and poses go as arrays: a fraction that is handed to a function, or back, may be put on
 * the heap each time.
 */

import type { Clip } from "./clip.ts";

/** Nearer than this (as a cosine) two rotations are mixed along a line. */
const ALIKE = 0.9995;

/** Something that knows what time it is. */
export interface Clock {
  /** Seconds. */
  readonly time: number;
}

export class Pose {
  /** Relative to the parent, xyzw, 4 a joint. */
  readonly rotations: Float32Array;
  /** Where the pelvis is in the world. */
  readonly root = new Float32Array(3);

  constructor(joints: number) {
    this.rotations = new Float32Array(joints * 4);
  }

  /** Take the pose of a time; before what has arrived the first frame, after it the last. Allocates nothing. */
  take(clip: Clip, clock: Clock): void {
    const last = Math.max(clip.ready - 1, 0);
    const moment = Math.min(Math.max(clock.time * clip.fps, 0), last);
    const first = Math.floor(moment);
    const next = Math.min(first + 1, last);
    const share = moment - first;
    const { rotations, root } = this;
    for (let i = 0; i < 3; i++) {
      const from = clip.root[first * 3 + i]!;
      root[i] = from + (clip.root[next * 3 + i]! - from) * share;
    }
    const q = clip.rotations;
    for (let at = 0, a = first * rotations.length, b = next * rotations.length; at < rotations.length; at += 4, a += 4, b += 4) {
      const dot = q[a]! * q[b]! + q[a + 1]! * q[b + 1]! + q[a + 2]! * q[b + 2]! + q[a + 3]! * q[b + 3]!;
      const near = Math.abs(dot);
      let s = 1 - share;
      let t = share;
      if (near < ALIKE) {
        const angle = Math.acos(near);
        s = Math.sin(s * angle);
        t = Math.sin(t * angle);
      }
      if (dot < 0) t = -t;
      let square = 0;
      for (let i = 0; i < 4; i++) {
        const mixed = s * q[a + i]! + t * q[b + i]!;
        rotations[at + i] = mixed;
        square += mixed * mixed;
      }
      const scale = 1 / Math.sqrt(square);
      for (let i = 0; i < 4; i++) rotations[at + i]! *= scale;
    }
  }
}
