import assert from "node:assert/strict";
import test from "node:test";
import type { Skeleton } from "./clip.ts";
import { LiveClip } from "./live.ts";
import { Player } from "./player.ts";

const skeleton: Skeleton = { names: ["hips"], parents: [-1], positions: new Float32Array(3), rotations: new Float32Array([0, 0, 0, 1]), pelvis: 0, sole: 0 };

function filled(frames: number): LiveClip {
  const clip = new LiveClip(skeleton, 30, 40, 0n, "test");
  for (let i = 0; i < frames; i++) clip.root[3 * i] = i;
  clip.ready = frames;
  return clip;
}

test("the oldest frames make room, and the others stay what they are", () => {
  const clip = filled(36);
  assert.equal(clip.makeRoom(4), 0);
  assert.equal(clip.makeRoom(8), 16);
  assert.deepEqual([clip.ready, clip.dropped, clip.moves], [20, 16, 1]);
  assert.deepEqual([clip.root[0], clip.root[3 * 19]], [16, 35]);
});

test("time doesn't loop where more frames come, and follows frames that move", () => {
  const player = new Player();
  player.load([filled(31)]);
  player.advance(5);
  assert.equal(player.time, 1);
  player.shift(0.5);
  assert.equal(player.time, 0.5);
  player.shift(2);
  assert.equal(player.time, 0);
});
