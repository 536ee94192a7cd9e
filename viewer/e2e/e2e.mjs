// What scripts/e2e_viewer runs: the page in a headless Chromium, against real servers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { allocatedIn } from "./heap.mjs";
import { python, serve, start } from "./server.mjs";

const OUT = path.resolve("out/viewer");
const TOKEN = "correct horse battery staple";
const SCREEN = { width: 1440, height: 900 };
/** Live motion plays in real time only where frames are drawn fast enough. */
const SMALL = { width: 840, height: 520 };
/** What is waited for comes late on a busy machine, milliseconds. */
const PATIENT = 90_000;
const PHONE = { width: 390, height: 844 };
/**
 * Frames whose allocations are sampled, and bytes between two samples. What each frame allocates shows up as at least a
 * number a frame, in every turn; what the browser does once, such as compiling, in one of them at most.
 */
const FRAMES = 600;
const WARMING = 6000;
/** Frames of one call: a longer one is compiled while it runs, as one piece, and what it calls stays uncompiled for the next. */
const STRETCH = 60;
const SAMPLED = 64;
const SMALLEST = 12;
const TURNS = 4;
const WALK = "a person walks forward, then waves with the right hand";

mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.E2E_CHROMIUM,
  args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
});
const running = [];
/** A part of a test's name: run that one only. */
const only = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
let failed = 0;

/** One test: a fresh browser profile, no console errors but those it expects. */
async function test(name, work, { expected = null, ...options } = {}) {
  if (only && !name.includes(only)) return;
  const context = await browser.newContext({ viewport: SCREEN, colorScheme: "dark", acceptDownloads: true, ...options });
  const page = await context.newPage();
  const complaints = [];
  const asked = new Set();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("request", (request) => asked.add(new URL(request.url()).host || request.url().split(":")[0]));
  page.setDefaultTimeout(PATIENT);
  const began = Date.now();
  try {
    await work(page, asked);
    assert.deepEqual(complaints.filter((text) => !expected?.test(text)), [], "the console stays silent");
    console.log(`ok    ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}\n${error.stack}\n${complaints.join("\n")}`);
    await page.screenshot({ path: path.join(OUT, "failed.png") }).catch(() => undefined);
  } finally {
    await context.close();
  }
}

const shot = (page, name) => page.screenshot({ path: path.join(OUT, `${name}.png`) });
const ready = (page) => page.waitForFunction(() => window.posewire?.stage.actors.length > 0);

/** Type a prompt and wait until all of it is there. */
async function make(page, prompt) {
  await page.fill("#prompt", prompt);
  await page.click("#make");
  await whole(page);
}

const whole = (page) =>
  page.waitForFunction(() => {
    const { actors } = window.posewire.stage;
    return actors.length && document.querySelector("#progress").hidden && actors.every((actor) => actor.clip.complete && actor.clip.frames > 2);
  });

/** Where a bone is and how it is turned, read from the scene at a time. */
const bone = (page, name, time, actor = 0) =>
  page.evaluate(
    async ([name, time, actor]) => {
      const { stage, player } = window.posewire;
      player.playing = false;
      player.seek(time);
      const drawn = stage.frames;
      await new Promise((resolve) => {
        const look = () => (stage.frames > drawn ? resolve() : requestAnimationFrame(look));
        look();
      });
      const joint = stage.actors[actor].figure.joints.find((each) => each.name === name);
      const [x, y, z] = joint.matrixWorld.elements.slice(12, 15);
      return { x, y, z, turn: joint.quaternion.toArray() };
    },
    [name, time, actor],
  );

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z);

// ---------------------------------------------------------------------------------------------- the tests

const server = await serve();
running.push(server);

await test("type a prompt: motion arrives, bones move, the feet are on the floor", async (page, asked) => {
  await page.goto(server.url);
  await ready(page);
  await shot(page, "welcome");
  await page.fill("#seed", "7");
  await page.fill("#seconds", "5");
  await make(page, WALK);
  const before = await bone(page, "R_Wrist", 0);
  const after = await bone(page, "R_Wrist", 3.5);
  assert.ok(distance(before, after) > 0.3, "the hand moves");
  const foot = await bone(page, "L_Foot", 3.5);
  assert.ok(Math.abs(foot.y - 0.033) < 0.03, `the ball of the foot is at ${foot.y} m`);
  assert.match(await page.getAttribute("#stage", "aria-label"), /walks forward/);
  const figures = await page.textContent("#requests .figures");
  assert.match(figures, /first frame [\d.]+ ms · all [\d.]+ m?s · \d+ frames/);
  assert.match(await page.getAttribute("#requests .stages", "aria-label"), /queue .*text .*steps .*decode .*wire/);
  await shot(page, "waving");
  assert.deepEqual([...asked], [new URL(server.url).host], "nobody else is asked for anything");
});

await test("play, pause, scrub, speed, loop, steps of a frame, by mouse and by keys", async (page) => {
  await page.goto(`${server.url}#prompt=${encodeURIComponent(WALK)}&seed=7&seconds=4`);
  await ready(page);
  await whole(page);
  const time = () => page.evaluate(() => window.posewire.player.time);
  await page.waitForFunction(() => window.posewire.player.time > 0.2);
  await page.click("#play");
  const held = await time();
  await page.waitForTimeout(150);
  assert.equal(await time(), held, "a pause holds still");
  const box = await page.locator("#scrub").boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  assert.ok(Math.abs((await time()) - 2) < 0.15, `the middle of the track is ${await time()} s`);
  await page.locator("#stage").focus();
  const middle = await time();
  await page.keyboard.press("ArrowRight");
  assert.ok(Math.abs((await time()) - middle - 1 / 30) < 1e-6, "right is a frame on");
  await page.keyboard.press("Home");
  assert.equal(await time(), 0);
  await page.keyboard.press("]");
  assert.equal(await page.textContent("#speed"), "1.5×");
  await page.keyboard.press("l");
  await page.keyboard.press("End");
  await page.keyboard.press(" ");
  await page.waitForFunction(() => window.posewire.player.time < 2);
  for (const key of ["k", "g", "p", "c", "f", "r", "?"]) await page.keyboard.press(key);
  assert.ok(await page.isVisible("#help-dialog"));
  await shot(page, "help");
  await page.keyboard.press("Escape");
});

await test("live: it moves on and on, and does what is typed", async (page) => {
  await page.goto(server.url);
  await ready(page);
  await page.fill("#prompt", "a person walks");
  await page.click("#live");
  await page.waitForFunction(() => document.querySelector("#now b").textContent === "a person walks");
  assert.equal(await page.textContent("#make"), "Do it");
  const place = () => page.evaluate(() => window.posewire.stage.actors[0].figure.joints[0].matrixWorld.elements.slice(12, 15));
  const first = await place();
  await page.waitForFunction((z) => window.posewire.stage.actors[0].figure.joints[0].matrixWorld.elements[14] > z + 1.5, first[2]);
  await page.fill("#prompt", "a person runs");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#now span").textContent === "next: a person runs");
  await shot(page, "live-next");
  await page.waitForFunction(() => document.querySelector("#now b").textContent === "a person runs" && document.querySelector("#now span").textContent === "");
  const jumps = await page.evaluate(() => {
    const { root, ready } = window.posewire.stage.actors[0].clip;
    let largest = 0;
    for (let i = 3; i < ready * 3; i += 3) largest = Math.max(largest, Math.hypot(root[i] - root[i - 3], root[i + 2] - root[i - 1]));
    return largest;
  });
  assert.ok(jumps < 0.2, `the largest step of the pelvis is ${jumps} m a frame`);
  await shot(page, "live");
  await page.fill("#prompt", "   ");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector("#now b").textContent === "standing");
  await page.click("#live");
  await page.waitForFunction(() => document.querySelector("#now").hidden);
  await make(page, "a person waves");
}, { viewport: SMALL });

await test("live: a server that goes and comes back goes on with the character", async (page) => {
  const first = await serve();
  running.push(first);
  await page.goto(first.url);
  await ready(page);
  await page.fill("#prompt", "a person walks");
  await page.click("#live");
  await page.waitForFunction(() => window.posewire.stage.actors[0].clip.endless && window.posewire.player.time > 1.5);
  const before = await page.evaluate(() => window.posewire.stage.actors[0].figure.joints[0].matrixWorld.elements[14]);
  await first.stop();
  await page.waitForSelector("#status[data-state=gone]");
  const second = await serve("--viewer-port", new URL(first.url).port);
  running.push(second);
  await page.waitForSelector("#status[data-state=open]");
  await page.waitForFunction((z) => window.posewire.stage.actors[0].figure.joints[0].matrixWorld.elements[14] > z + 1, before);
}, { viewport: SMALL, expected: /WebSocket connection to .* failed/ });

await test("four seeds side by side differ; presets too", async (page) => {
  await page.goto(server.url);
  await ready(page);
  await page.selectOption("#compare", "4");
  await page.fill("#seed", "7");
  await make(page, "a person walks");
  const hands = [];
  for (let i = 0; i < 4; i++) hands.push((await bone(page, "L_Hip", 1.5, i)).turn.join());
  assert.equal(new Set(hands).size, 4);
  await page.click("text=seed 9");
  await page.click("[data-look=skeleton]");
  await page.click("[data-look=ghosts]");
  await page.waitForTimeout(800);
  await shot(page, "four");
  await page.selectOption("#compare", "presets");
  await make(page, "a person walks");
  assert.deepEqual(await page.evaluate(() => window.posewire.stage.actors.map((actor) => actor.label)), ["preview", "fast", "quality", "reference"]);
});

await test("a model's licence is a line, and all of it at a press", async (page) => {
  const shipped = await serve("--model", "starter");
  running.push(shipped);
  await page.goto(`${shipped.url}#prompt=${encodeURIComponent("a person waves")}&seed=7&seconds=3`);
  await ready(page);
  await whole(page);
  const line = await page.locator("#notice").boundingBox();
  assert.ok(line.height < 40, `the notice takes ${line.height} pixels of the stage`);
  await shot(page, "starter");
  for (const button of ["#notice", "#model-terms"]) {
    await page.click(button);
    assert.match(await page.textContent("#terms"), /Apache License/);
    await shot(page, "licence");
    await page.click("#terms-dialog button");
  }
}, { viewport: SMALL });

await test("downloads can be read again", async (page) => {
  await page.goto(`${server.url}#prompt=${encodeURIComponent("a person waves")}&seed=3&seconds=3`);
  await ready(page);
  await whole(page);
  const suffixes = await page.$$eval("#formats button", (chips) => chips.map((chip) => chip.dataset.suffix));
  for (const wanted of [".glb", ".bvh", ".npz"]) assert.ok(suffixes.includes(wanted));
  for (const suffix of suffixes) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`#formats [data-suffix="${suffix}"]`)]);
    assert.equal(download.suggestedFilename(), `a_person_waves-3${suffix}`);
    await download.saveAs(path.join(OUT, `clip${suffix}`));
  }
  const frames = await page.evaluate(() => window.posewire.stage.actors[0].clip.frames);
  const script = `
import sys
from pathlib import Path
from posewire_runtime.formats import bvh, npz
folder = Path(sys.argv[1])
print(bvh.read(folder / "clip.bvh").frames, npz.read(folder / "clip.npz").frames)`;
  assert.equal(execFileSync(python, ["-c", script, OUT], { encoding: "utf8" }).trim(), `${frames} ${frames}`);
  assert.equal(readFileSync(path.join(OUT, "clip.glb")).subarray(0, 4).toString(), "glTF");
});

await test("files are shown: posewire view", async (page) => {
  const stage = await start("view", "--no-browser", ...["glb", "bvh", "npz"].map((suffix) => path.join(OUT, `clip.${suffix}`)));
  running.push(stage);
  await page.goto(stage.line.match(/http\S+\//)[0]);
  await ready(page);
  await whole(page);
  assert.equal(await page.isVisible("#composer"), false);
  const places = [];
  for (let i = 0; i < 3; i++) places.push(await bone(page, "R_Wrist", 1.5, i));
  for (const [i, place] of places.entries()) assert.ok(distance(place, { ...places[0], x: places[0].x + 1.8 * i }) < 0.01, `file ${i} shows the same pose`);
  await shot(page, "files");
});

await test("a character of the user's own moves, with its own bones", async (page) => {
  await page.goto(`${server.url}#prompt=${encodeURIComponent(WALK)}&seed=7&seconds=4`);
  await ready(page);
  await whole(page);
  execFileSync(python, [path.resolve("viewer/e2e/rig.py"), path.join(OUT, "rig.glb")]);
  await page.setInputFiles("#file", path.join(OUT, "rig.glb"));
  await page.waitForFunction(() => window.posewire.stage.actors[0].figure.joints.some((joint) => joint.name.includes("LeftForeArm")));
  await whole(page);
  assert.match(await page.textContent("#character-about"), /rig\.glb: 22 bones of \d+ move \(mixamo\)/);
  const name = await page.evaluate(() => window.posewire.stage.actors[0].figure.joints.find((joint) => joint.name.includes("RightHand")).name);
  const [before, after] = [await bone(page, name, 0), await bone(page, name, 3)];
  assert.ok(distance(before, after) > 0.3, "its hand moves");
  await shot(page, "character");
  await page.click("#mannequin");
  await page.waitForFunction(() => window.posewire.stage.actors[0].figure.joints.some((joint) => joint.name === "L_Elbow"));
});

await test("what can't be is said in words, and nothing breaks", async (page) => {
  await page.goto(server.url);
  await ready(page);
  await page.fill("#steps", "5000");
  await page.fill("#prompt", "a person walks");
  await page.click("#make");
  await page.waitForSelector("#message:not([hidden])");
  assert.match(await page.textContent("#message span"), /sampling\.steps: expected 1 to 100 steps, found 5000/);
  await shot(page, "refused");
  await page.fill("#steps", "");
  await page.fill("#seconds", "120");
  await make(page, "a person walks");
  await page.click("#formats [data-suffix='.npz']");
  await page.waitForSelector("#message:not([hidden])");
  assert.match(await page.textContent("#message span"), /at most 1048576 bytes .* found 1\d{6}/);
  await page.fill("#seconds", "3");
  await make(page, "a person walks");
  await page.setInputFiles("#file", { name: "not.glb", mimeType: "model/gltf-binary", buffer: Buffer.from("nonsense") });
  await page.waitForSelector("#message:not([hidden])");
});

await test("a small screen, light", async (page) => {
  await page.goto(`${server.url}#prompt=${encodeURIComponent(WALK)}&seed=7&seconds=4`);
  await ready(page);
  await whole(page);
  await bone(page, "R_Wrist", 3.2);
  await shot(page, "phone");
  await page.click("#panel-button");
  await shot(page, "phone-panel");
  for (const id of ["play", "make", "scrub", "panel-button"]) {
    const box = await page.locator(`#${id}`).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= PHONE.width, `${id} is on the screen`);
  }
}, { viewport: PHONE, deviceScaleFactor: 2, colorScheme: "light", hasTouch: true });

await test("baked clips move on their page, opened as a file", async (page, asked) => {
  const list = path.join(OUT, "list.txt");
  const folder = path.join(OUT, "baked");
  writeFileSync(list, "a person waves\na person walks\n");
  execFileSync(python, ["-m", "posewire_runtime.cli", "bake", list, "--out", folder, "--format", "npz", "--rig", "mixamo"], { stdio: "ignore" });
  await page.goto(pathToFileURL(path.join(folder, "index.html")).href);
  const drawn = () => page.evaluate(() => document.querySelector("canvas").toDataURL());
  const changes = async (before) => page.waitForFunction((old) => document.querySelector("canvas").toDataURL() !== old, before);
  await changes(await drawn());
  await page.click("#play");
  const held = await drawn();
  await page.waitForTimeout(300);
  assert.equal(await drawn(), held, "a pause holds still");
  const box = await page.locator("canvas").first().boundingBox();
  await page.mouse.move(box.x + 50, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + 120, box.y + 50, { steps: 4 });
  await page.mouse.up();
  await changes(held);
  await page.fill("#find", "WAVES");
  assert.equal(await page.textContent("#count"), "1 of 2 clips");
  await shot(page, "baked");
  assert.deepEqual([...asked], ["file"], "nobody is asked for anything");
});

await test("stop ends what is being made, on the server too", async (page) => {
  const slow = await serve("--model", "stand-in");
  running.push(slow);
  await page.goto(slow.url);
  await ready(page);
  await page.selectOption("#compare", "4");
  await page.fill("#seconds", "240");
  await page.fill("#steps", "100");
  await page.fill("#prompt", "a person walks");
  // In the page itself: a whole click by the driver takes longer than the stand-in needs.
  await page.evaluate(async () => {
    const button = document.querySelector("#make");
    button.click();
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (button.textContent === "Stop") button.click();
  });
  await page.waitForFunction(() => document.querySelector("#make").textContent === "Make it move");
  assert.match(await page.textContent("#requests"), /stopped/);
  await make(page, "a person waves");
  assert.match(slow.log(), /"code": "CANCELLED"/);
});

await test("a wrong token is refused, the right one comes in; it stays out of links and logs", async (page) => {
  const file = path.join(OUT, "tokens");
  writeFileSync(file, `${createHash("sha256").update(TOKEN).digest("hex")}  -\n`);
  const guarded = await serve("--token-file", file);
  running.push(guarded);
  await page.goto(guarded.url);
  await page.waitForSelector("#token-dialog[open]");
  await page.fill("#token", "swordfish");
  await page.click("#token-dialog button");
  await page.waitForSelector("#token-wrong:not([hidden])");
  await shot(page, "token");
  await page.fill("#token", TOKEN);
  await page.click("#token-dialog button");
  await ready(page);
  await make(page, "a person walks");
  const told = `${page.url()} ${guarded.log()} ${JSON.stringify(await page.evaluate(() => ({ ...localStorage })))}`;
  for (const secret of [TOKEN, encodeURIComponent(TOKEN), "swordfish"]) assert.ok(!told.includes(secret));
});

await test("the server goes and comes back: the page says so and goes on", async (page) => {
  const first = await serve();
  running.push(first);
  await page.goto(first.url);
  await ready(page);
  await make(page, "a person walks");
  await first.stop();
  await page.waitForSelector("#status[data-state=gone]");
  assert.ok(await page.isDisabled("#make"));
  await shot(page, "gone");
  const moving = await page.evaluate(() => window.posewire.stage.frames);
  await page.waitForFunction((before) => window.posewire.stage.frames > before, moving);
  const second = await serve("--viewer-port", new URL(first.url).port);
  running.push(second);
  await page.waitForSelector("#status[data-state=open]");
  await make(page, "a person waves");
}, { expected: /WebSocket connection to .* failed/ });

await test("figures: weight, frames, what a frame costs", async (page) => {
  let bytes = 0;
  page.on("response", async (response) => (bytes += Number(response.headers()["content-length"] ?? 0)));
  const client = await page.context().newCDPSession(page);
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.goto(server.url);
  await ready(page);
  const weighed = bytes;
  await page.selectOption("#compare", "4");
  await make(page, WALK);
  const costs = await page.evaluate(async () => {
    const { stage } = window.posewire;
    const [frames, began] = [stage.frames, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const fps = ((stage.frames - frames) / (performance.now() - began)) * 1000;
    const applied = [...stage.applied.slice(0, Math.min(stage.frames, stage.applied.length))].sort((a, b) => a - b);
    const decoded = window.posewire.decoding().sort((a, b) => a - b);
    const p95 = (sorted) => sorted[Math.floor(sorted.length * 0.95)];
    return { fps, applied: p95(applied), decoded: p95(decoded) };
  });
  // Code that isn't compiled yet boxes every number; the steady state is what counts. Skeletons are drawn too.
  await page.click("[data-look=skeleton]");
  await page.evaluate(() => {
    const { stage, player } = window.posewire;
    function playFrames(frames) {
      for (let i = 0; i < frames; i++) {
        player.advance(1 / 60);
        for (const actor of stage.actors) actor.update(player);
      }
    }
    window.playFrames = playFrames;
  });
  await play(page, WARMING);
  const limit = (FRAMES * SMALLEST) / 2;
  let heap;
  let turn = 0;
  do heap = await sampleFrames(page, client);
  while (heap.ours >= limit && ++turn < TURNS);
  console.log(`      page ${(weighed / 1024).toFixed(0)} KiB over the wire; 4 characters at 1280x720 in software: ${costs.fps.toFixed(0)} fps`);
  console.log(`      p95: a message unpacked in ${costs.decoded.toFixed(2)} ms, poses of 4 applied in ${costs.applied.toFixed(2)} ms`);
  console.log(`      ${FRAMES} frames of 4 allocate ${heap.ours} bytes in our modules, ${heap.others} in three.js (a sample every ${SAMPLED} bytes, turn ${turn + 1})`);
  if (process.argv.includes("--heap")) for (const [place, bytes] of Object.entries(heap.places)) console.log(`      ${bytes} bytes in ${place}`);
  assert.ok(weighed < 1.5 * 1024 * 1024);
  assert.ok(heap.ours < limit, `no frame allocates anything of ours: ${JSON.stringify(heap.places)}`);
});

/** Play so many frames without drawing them, as the page itself would: call after call. */
async function play(page, frames) {
  for (let done = 0; done < frames; done += STRETCH) await page.evaluate((stretch) => window.playFrames(stretch), STRETCH);
}

/** What so many frames allocate, by module. */
async function sampleFrames(page, client) {
  await client.send("HeapProfiler.startSampling", { samplingInterval: SAMPLED, includeObjectsCollectedByMinorGC: true, includeObjectsCollectedByMajorGC: true });
  await play(page, FRAMES);
  return allocatedIn((await client.send("HeapProfiler.stopSampling")).profile, "playFrames");
}

await browser.close();
await Promise.all(running.map((each) => each.stop()));
console.log(failed ? `${failed} failed; see ${OUT}/failed.png` : `all passed; pictures in ${path.relative(process.cwd(), OUT)}/`);
process.exit(failed ? 1 : 0);
