// Builds the pages into the Python package. --check: fails when what is there isn't what the sources make.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { page, sheet } from "./bundle.mjs";

const runtime = path.join(import.meta.dirname, "../runtime_server/posewire_runtime");
const files = { ...(await page("viewer_assets")), ...(await sheet("bake/page.html")) };

let stale = false;
for (const [name, text] of Object.entries(files)) {
  const file = path.join(runtime, name);
  if (process.argv.includes("--check")) {
    if ((await readFile(file, "utf8").catch(() => "")) !== text) {
      console.error(`viewer: ${name} is stale: run npm run build in viewer/ and commit`);
      stale = true;
    }
    continue;
  }
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  console.log(`${name.padEnd(28)} ${(text.length / 1024).toFixed(1).padStart(7)} KiB`);
}
process.exit(stale ? 1 : 0);
