// The documentation's pictures of the stage, with the model that ships: scripts/docs_pictures stage
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { python, serve } from "./server.mjs";

const folder = path.resolve(process.argv[2] ?? "out/pictures");
const frames = path.resolve("out/pictures");
const WALK = "a person walks forward";
const WAVE = "a person waves with both hands";
const RUN = "a person runs, then stops";
const SEED = "7";
/** The animation: pictures a second, and so many seconds of each prompt. */
const RATE = 10;
const SECONDS = 2.5;

rmSync(frames, { recursive: true, force: true });
mkdirSync(frames, { recursive: true });
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.E2E_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
});
const server = await serve("--model", "starter");

/** A page that shows a link's motion, standing still at a time. */
async function open(link, time, options) {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(120_000);
  await page.goto(`${server.url}#${new URLSearchParams({ seed: SEED, seconds: "4", ...link })}`);
  await page.waitForFunction((count) => {
    const { actors } = window.posewire?.stage ?? {};
    return actors?.length === count && actors.every((actor) => actor.clip.complete && actor.clip.frames > 2);
  }, Number(link.compare ?? 1));
  await page.evaluate(() => ((window.posewire.player.playing = false), document.activeElement?.blur()));
  await seek(page, time);
  return page;
}

/** Go to a time and wait until the camera has come along: then nothing is drawn any more. */
async function seek(page, time) {
  await page.evaluate(async (at) => {
    const { player, stage } = window.posewire;
    const frame = () => new Promise(requestAnimationFrame);
    player.seek(at);
    stage.redraw();
    await frame();
    for (let drawn = -1; drawn !== stage.frames; await frame(), await frame()) drawn = stage.frames;
  }, time);
}

/** One picture of a link's motion. */
async function picture(name, link, time, colorScheme) {
  const page = await open(link, time, { viewport: { width: 1280, height: 800 }, colorScheme });
  await page.screenshot({ path: path.join(folder, name), quality: 86 });
  await page.close();
}

await picture("stage.jpg", { prompt: RUN }, 1.5, "dark");
await picture("stage_four.jpg", { prompt: WAVE, compare: "4" }, 1.7, "light");

for (const [part, prompt] of [WALK, WAVE, RUN].entries()) {
  const page = await open({ prompt }, 0, { viewport: { width: 640, height: 480 }, colorScheme: "dark" });
  for (let i = 0; i < SECONDS * RATE; i++) {
    await seek(page, i / RATE);
    await page.screenshot({ path: path.join(frames, `${part}-${String(i).padStart(3, "0")}.png`) });
  }
  await page.close();
}
await browser.close();
await server.stop();

const animate = `
import sys
from pathlib import Path
from PIL import Image
first, *others = [Image.open(path).convert("RGB") for path in sorted(Path(sys.argv[1]).glob("*.png"))]
first.save(sys.argv[2], save_all=True, append_images=others, duration=1000 // ${RATE}, loop=0, quality=55, method=6)
`;
execFileSync(python, ["-c", animate, frames, path.join(folder, "stage.webp")], { stdio: "inherit" });
