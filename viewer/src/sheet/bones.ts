/** Where the joints of a pose are in the world. Knows arrays only. */

import type { Skeleton } from "../clip.ts";
import type { Pose } from "../pose.ts";

export class Bones {
  /** 3 a joint. */
  readonly points: Float32Array;
  /** In the world, xyzw, 4 a joint. */
  private readonly turns: Float32Array;
  /** From the parent, in its axes, 3 a joint. */
  private readonly offsets: Float32Array;
  private readonly parents: readonly number[];

  /** Of a skeleton whose pelvis comes first, and whose joints aren't turned in rest pose. */
  constructor({ parents, positions }: Skeleton) {
    this.parents = parents;
    this.points = new Float32Array(positions.length);
    this.turns = new Float32Array(4 * parents.length);
    this.offsets = positions.map((place, i) => place - (positions[3 * parents[Math.floor(i / 3)]! + (i % 3)] ?? 0));
  }

  /** Follow a pose. */
  place(pose: Pose): void {
    this.points.set(pose.root);
    this.turns.set(pose.rotations);
    for (let joint = 1; joint < this.parents.length; joint++) {
      this.move(joint);
      this.turn(joint, pose.rotations);
    }
  }

  /** The joint's place: its offset turned as its parent is. */
  private move(joint: number): void {
    const { points, turns, offsets } = this;
    const parent = this.parents[joint]!;
    const [q, p, o] = [4 * parent, 3 * parent, 3 * joint];
    const [x, y, z, w] = [turns[q]!, turns[q + 1]!, turns[q + 2]!, turns[q + 3]!];
    const [a, b, c] = [offsets[o]!, offsets[o + 1]!, offsets[o + 2]!];
    const tx = 2 * (y * c - z * b);
    const ty = 2 * (z * a - x * c);
    const tz = 2 * (x * b - y * a);
    points[o] = points[p]! + a + w * tx + y * tz - z * ty;
    points[o + 1] = points[p + 1]! + b + w * ty + z * tx - x * tz;
    points[o + 2] = points[p + 2]! + c + w * tz + x * ty - y * tx;
  }

  /** The joint's turn in the world: its parent's, then its own. */
  private turn(joint: number, rotations: Float32Array): void {
    const { turns } = this;
    const [p, q] = [4 * this.parents[joint]!, 4 * joint];
    const [x, y, z, w] = [turns[p]!, turns[p + 1]!, turns[p + 2]!, turns[p + 3]!];
    const [a, b, c, d] = [rotations[q]!, rotations[q + 1]!, rotations[q + 2]!, rotations[q + 3]!];
    turns[q] = w * a + x * d + y * c - z * b;
    turns[q + 1] = w * b - x * c + y * d + z * a;
    turns[q + 2] = w * c + x * b - y * a + z * d;
    turns[q + 3] = w * d - x * a - y * b - z * c;
  }
}
