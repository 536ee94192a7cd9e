// Pictures of a profile's page for docs/performance.md, in headless Chromium: what scripts/docs_pictures profile runs.
//
//   posewire profile --model … --out out/report
//   E2E_CHROMIUM=/usr/bin/chromium node scripts/profile_pictures.mjs out/report/report.html docs/images
//
// Writes profile.jpg (light, the upper part) and profile_dark.jpg (dark, from "one request" on).
import { createRequire } from "node:module";
import { resolve } from "node:path";

const { chromium } = createRequire(resolve("viewer/package.json"))("playwright-core");
const [page, folder] = process.argv.slice(2).map((path) => resolve(path));
const shots = [
  ["profile.jpg", "light", "body"],
  ["profile_dark.jpg", "dark", "h2:has-text('one request')"],
];

const browser = await chromium.launch({
  executablePath: process.env.E2E_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
for (const [name, colorScheme, first] of shots) {
  const tab = await browser.newPage({ viewport: { width: 1240, height: 1240 }, colorScheme });
  tab.on("pageerror", (error) => {
    throw error;
  });
  tab.on("request", (request) => {
    if (!request.url().startsWith("file:")) throw new Error(`the page asked for ${request.url()}`);
  });
  await tab.goto(`file://${page}`);
  await tab.locator(first).first().evaluate((element) => element.scrollIntoView());
  await tab.screenshot({ path: resolve(folder, name), quality: 75 });
  await tab.close();
}
await browser.close();
