import assert from "node:assert/strict";
import test from "node:test";
import golden from "../../tests/golden/motion/packing.json";
import { Clip, FLOAT32, SMALLEST_THREE_48, type Skeleton } from "./clip.ts";
import { Player } from "./player.ts";
import { Pose } from "./pose.ts";

const skeleton: Skeleton = { names: ["hips"], parents: [-1], positions: new Float32Array(3), rotations: new Float32Array([0, 0, 0, 1]), pelvis: 0, sole: 0 };

function clip(frames: number, ready = frames): Clip {
  const made = new Clip(skeleton, 30, frames, 7n, "test");
  made.ready = ready;
  return made;
}

test("a clip's frames come back from the bytes that carry them", () => {
  const source = clip(3);
  source.root.set([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  source.rotations.set([0, 0, 0, 1, 0.6, 0, 0, 0.8, 0, 1, 0, 0]);
  source.contacts.set([1, 0, 15]);
  const [, , chunk] = source.events();
  const back = clip(3, 0);
  back.push(chunk!.chunk!);
  assert.deepEqual([back.root, back.rotations, back.contacts, back.ready], [source.root, source.rotations, source.contacts, 3]);
  assert.throws(() => back.push(chunk!.chunk!), /frame 3/);
});

test("both packings give back what the server's own reader does", () => {
  const parents = golden.frame.rotations.map((_, joint) => joint - 1);
  const three = { ...skeleton, names: parents.map(String), parents };
  for (const [packing, hex] of [[FLOAT32, golden.frame.float32], [SMALLEST_THREE_48, golden.frame.smallest_three_48]] as const) {
    const read = new Clip(three, 30, 1, 0n, "");
    read.push({ first_frame: 0, frames: 1, data: Buffer.from(hex, "hex") }, packing);
    assert.deepEqual([[...read.root], read.contacts[0]], [golden.frame.root, golden.frame.contacts]);
    const expected = packing === FLOAT32 ? golden.frame.rotations.flat() : golden.frame.rotations.flatMap((q) => golden.restored[golden.rotations.findIndex((each) => each[0] === q[0])]!);
    near(read.rotations, expected, 1e-7);
  }
});

test("between two frames a pose is on the shorter arc, at even speed", () => {
  const turning = clip(2);
  const angle = 2; // radians
  turning.rotations.set([0, 0, 0, 1, 0, -Math.sin(angle / 2), 0, -Math.cos(angle / 2)]); // the same turn as its opposite
  turning.root.set([0, 1, 0, 2, 1, 4]);
  const pose = new Pose(1);
  for (const share of [0, 0.25, 0.5, 0.75]) {
    pose.take(turning, { time: share / 30 });
    near(pose.rotations, [0, Math.sin((share * angle) / 2), 0, Math.cos((share * angle) / 2)], 1e-6);
    near(pose.root, [2 * share, 1, 4 * share], 1e-6);
  }
  pose.take(turning, { time: 7 });
  near(pose.root, [2, 1, 4], 0);
});

function near(found: ArrayLike<number>, expected: readonly number[], bound: number): void {
  assert.equal(found.length, expected.length);
  expected.forEach((value, i) => assert.ok(Math.abs(found[i]! - value) <= bound, `${i}: expected ${value}, found ${found[i]}`));
}

test("time loops over a whole clip, and waits at the end of a part", () => {
  const player = new Player();
  player.load([clip(31)]);
  player.advance(0.75);
  assert.ok(player.advance(0.5));
  assert.ok(Math.abs(player.time - 0.25) < 1e-9);
  player.load([clip(31, 11)]);
  player.advance(2);
  assert.ok(Math.abs(player.time - 1 / 3) < 1e-9);
  assert.equal(player.advance(2), false);
});

test("without a loop it stops at the end, and plays again from there", () => {
  const player = new Player();
  player.load([clip(31)]);
  player.loop = false;
  player.advance(5);
  assert.equal(player.time, 1);
  player.toggle();
  player.toggle();
  assert.deepEqual([player.playing, player.time], [true, 0]);
});

test("a pause holds still, a seek moves once", () => {
  const player = new Player();
  player.load([clip(31)]);
  player.advance(0);
  player.toggle();
  assert.equal(player.advance(1), false);
  player.seek(99);
  assert.equal(player.time, 1);
  assert.equal(player.advance(1), true);
  assert.equal(player.advance(1), false);
});
