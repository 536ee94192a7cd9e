// What a heap profile says of the page's own modules and of three.js, though all are one minified file.
import { SourceMap } from "node:module";
import { script } from "../bundle.mjs";

/** Bytes below calls of a function: { ours, others, places: { "file:line function": bytes } }. What the language itself allocates counts as its caller's; what that function does, as nobody's. */
export async function allocatedIn(profile, name) {
  const map = new SourceMap((await script()).map);
  const found = { ours: 0, others: 0, places: {} };
  const walk = (node, caller) => {
    const called = caller === null && node.callFrame.functionName === name ? "" : caller;
    const place = called === null ? null : (placeOf(node.callFrame, map) ?? called);
    if (place && node.selfSize) {
      found[place.startsWith("src/") ? "ours" : "others"] += node.selfSize;
      found.places[place] = (found.places[place] ?? 0) + node.selfSize;
    }
    for (const child of node.children) walk(child, place);
  };
  walk(profile.head, null);
  return found;
}

/** Where a function of the page stands in the sources; null: it isn't the page's. */
function placeOf({ url, functionName, lineNumber, columnNumber }, map) {
  if (!url.endsWith("/app.js")) return null;
  const { originalSource, originalLine } = map.findEntry(lineNumber, columnNumber);
  return `${originalSource.replace(/^.*node_modules\//, "")}:${originalLine + 1} ${functionName}`;
}
