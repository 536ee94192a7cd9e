// What the sources make: the stage's files, and the sheet that shows baked clips as one document.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";

const here = import.meta.dirname;
const source = (name) => readFile(path.join(here, name), "utf8");

/** The stage, as files of a folder. */
export async function page(folder) {
  const made = {
    "app.js": (await script()).text,
    "style.css": await style("src/style.css"),
    "index.html": await source("src/index.html"),
    "icon.svg": await source("src/icon.svg"),
    "licences.txt": `This page contains three.js (https://threejs.org).\n\n${await source("node_modules/three/LICENSE")}`,
  };
  return Object.fromEntries(Object.entries(made).map(([name, text]) => [`${folder}/${name}`, text]));
}

/** The stage's script, and the map that tells which source a place in it comes from. */
export async function script() {
  const banner = { js: "/* three.js: see licences.txt */" };
  const files = await bundle("src/main.ts", { format: "esm", sourcemap: "external", banner, outfile: "app.js" });
  const [text, map] = [".js", ".map"].map((suffix) => files.find((file) => file.path.endsWith(suffix)).text);
  return { text, map: JSON.parse(map) };
}

/** The sheet: script and style stand inside, and its policy allows these very two. `@TITLE@`, `@NOTICES@` and `@CLIPS@` are left to fill. */
export async function sheet(name) {
  const [{ text }] = await bundle("src/sheet/main.ts", { format: "iife", outfile: "sheet.js" });
  const parts = { SCRIPT: text, STYLE: await style("src/sheet/page.css") };
  for (const part of Object.keys(parts)) parts[`${part}-HASH`] = `'sha256-${createHash("sha256").update(parts[part]).digest("base64")}'`;
  const template = await source("src/sheet/page.html");
  return { [name]: template.replace(/@(SCRIPT|STYLE)(-HASH)?@/g, (place) => parts[place.slice(1, -1)]) };
}

async function bundle(entry, options) {
  const target = ["chrome111", "firefox115", "safari16.4"];
  const how = { absWorkingDir: here, bundle: true, minify: true, target, legalComments: "none", write: false, charset: "utf8" };
  return (await build({ entryPoints: [path.join(here, entry)], ...how, ...options })).outputFiles;
}

async function style(name) {
  return (await build({ entryPoints: [path.join(here, name)], minify: true, write: false, outfile: "style.css" })).outputFiles[0].text;
}
