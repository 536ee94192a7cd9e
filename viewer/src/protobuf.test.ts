import assert from "node:assert/strict";
import test from "node:test";
import { decode, encode } from "./protobuf.ts";

test("messages come back as they were written", () => {
  const request = {
    call: 7,
    generate: {
      prompt: "läuft · 走る",
      seeds: [0n, 1n, 2n ** 64n - 1n],
      sampling: { steps: 12, guidance: 2.5, preset: "fast" },
      seconds: 4.25,
      target: { joints: [{ name: "hips", parent: -1, position: { x: 0.5, y: -1, z: 0 } }], bones: [{ key: "Pelvis", value: "hips" }], match_limbs: false },
    },
  };
  const back = decode("PageRequest", encode("PageRequest", request));
  assert.equal(back.call, 7);
  assert.equal(back.generate?.prompt, request.generate.prompt);
  assert.deepEqual(back.generate?.seeds, request.generate.seeds);
  assert.deepEqual(back.generate?.sampling, { preset: "fast", steps: 12, guidance: 2.5, solver: "" });
  assert.equal(back.generate?.seconds, 4.25);
  assert.equal(back.generate?.frames, undefined);
  assert.equal(back.generate?.target?.joints[0]?.parent, -1);
  assert.equal(back.generate?.target?.match_limbs, false);
  assert.deepEqual(back.generate?.target?.bones, [{ key: "Pelvis", value: "hips" }]);
});

test("bytes are those that protobuf's own writer makes", () => {
  // GenerateRequest(prompt="hi", frames=300, seeds=[1, 2**40], progress=True).SerializeToString(), by Python
  const python = Uint8Array.from([10, 2, 104, 105, 24, 172, 2, 42, 7, 1, 128, 128, 128, 128, 128, 32, 112, 1]);
  const read = decode("GenerateRequest", python);
  assert.deepEqual([read.prompt, read.frames, read.seeds, read.progress], ["hi", 300, [1n, 2n ** 40n], true]);
});

test("fields of a later contract are skipped, broken messages are refused", () => {
  const later = Uint8Array.from([...encode("Notice", { code: "a", message: "b" }), 0xf8, 0x07, 5, 0xfa, 0x07, 1, 9]);
  assert.deepEqual(decode("Notice", later), { code: "a", message: "b" });
  assert.throws(() => decode("Notice", Uint8Array.from([10, 200, 1, 2])), RangeError);
  assert.throws(() => decode("Notice", Uint8Array.from([0x80])), RangeError);
});
