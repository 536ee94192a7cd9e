// The documentation's pictures of the stage, taken from a real page: node viewer/e2e/pictures.mjs FOLDER
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { python, serve } from "./server.mjs";

const folder = path.resolve(process.argv[2] ?? "out/pictures");
const frames = path.join(folder, "frames");
const WALK = "a person walks forward, then waves with the right hand";
const RATE = 10;

mkdirSync(frames, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.E2E_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
});
const server = await serve();

/** A page that shows a link's motion, standing still at a time. */
async function open(link, time, options) {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(120_000);
  await page.goto(`${server.url}#${new URLSearchParams(link)}`);
  await page.waitForFunction((count) => {
    const { actors } = window.posewire?.stage ?? {};
    return actors?.length === count && actors.every((actor) => actor.clip.complete && actor.clip.frames > 2);
  }, Number(link.compare ?? 1));
  await page.evaluate(() => ((window.posewire.player.playing = false), document.activeElement?.blur()));
  await seek(page, time);
  return page;
}

/** Go to a time and wait until the camera has come along. */
async function seek(page, time) {
  await page.evaluate((at) => {
    const { player, stage } = window.posewire;
    player.seek(at);
    stage.redraw();
  }, time);
  await page.waitForFunction(() => {
    const { stage } = window.posewire;
    const still = stage.frames === window.lastFrames;
    window.lastFrames = stage.frames;
    return still;
  }, null, { polling: 250 });
}

let page = await open({ prompt: WALK, seed: "7", seconds: "5" }, 3.9, { viewport: { width: 1280, height: 800 }, colorScheme: "dark" });
await page.screenshot({ path: path.join(folder, "stage.png") });
await page.close();

page = await open({ prompt: WALK, seed: "7", seconds: "5", compare: "4" }, 1.2, { viewport: { width: 1280, height: 800 }, colorScheme: "light" });
await page.screenshot({ path: path.join(folder, "stage_four.png") });
await page.click("[data-look=skeleton]");
await page.click("[data-look=ghosts]");
await page.screenshot({ path: path.join(folder, "stage_bones.png") });
await page.close();

page = await open({ prompt: WALK, seed: "7", seconds: "5" }, 0, { viewport: { width: 640, height: 480 }, colorScheme: "dark" });
for (let i = 0; i < 5 * RATE; i++) {
  await seek(page, i / RATE);
  await page.screenshot({ path: path.join(frames, `${String(i).padStart(3, "0")}.png`) });
}
await browser.close();
await server.stop();

const convert = `
import sys
from pathlib import Path
from PIL import Image
folder = Path(sys.argv[1])
for name in ("stage", "stage_four", "stage_bones"):
    Image.open(folder / f"{name}.png").convert("RGB").save(folder / f"{name}.jpg", quality=86, optimize=True)
first, *others = [Image.open(path).convert("RGB") for path in sorted((folder / "frames").glob("*.png"))]
first.save(folder / "stage.webp", save_all=True, append_images=others, duration=1000 // ${RATE}, loop=0, quality=55, method=6)
`;
execFileSync(python, ["-c", convert, folder], { stdio: "inherit" });
