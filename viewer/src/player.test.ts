import assert from "node:assert/strict";
import test from "node:test";
import { Clip, type Skeleton } from "./clip.ts";
import { Player } from "./player.ts";

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
