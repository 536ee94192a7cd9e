// Builds the page into the Python package. --check: fails when what is there isn't what the sources make.
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.join(here, "../runtime_server/posewire_runtime/viewer_assets");
const three = path.join(here, "node_modules/three");

const made = await build({
  entryPoints: [path.join(here, "src/main.ts")],
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome111", "firefox115", "safari16.4"],
  legalComments: "none",
  write: false,
  charset: "utf8",
  outfile: "app.js",
});
const style = await build({ entryPoints: [path.join(here, "src/style.css")], minify: true, write: false, outfile: "style.css" });

const files = {
  "app.js": `/* three.js: see licences.txt */\n${made.outputFiles[0].text}`,
  "style.css": style.outputFiles[0].text,
  "index.html": await readFile(path.join(here, "src/index.html"), "utf8"),
  "icon.svg": await readFile(path.join(here, "src/icon.svg"), "utf8"),
  "licences.txt": `This page contains three.js (https://threejs.org).\n\n${await readFile(path.join(three, "LICENSE"), "utf8")}`,
};

let stale = false;
await mkdir(target, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const file = path.join(target, name);
  if (process.argv.includes("--check")) {
    if ((await readFile(file, "utf8").catch(() => "")) !== text) {
      console.error(`viewer: ${name} is stale: run npm run build in viewer/ and commit`);
      stale = true;
    }
    continue;
  }
  await writeFile(file, text);
  console.log(`${name.padEnd(14)} ${(text.length / 1024).toFixed(1).padStart(7)} KiB`);
}
process.exit(stale ? 1 : 0);
