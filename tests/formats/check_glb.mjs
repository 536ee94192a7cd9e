// Prints what the Khronos validator says about each file named: its issues as one line of JSON.
import { readFileSync } from "node:fs";
import { validateBytes } from "gltf-validator";

for (const file of process.argv.slice(2)) {
  const report = await validateBytes(new Uint8Array(readFileSync(file)), { maxIssues: 20 });
  console.log(JSON.stringify(report.issues));
}
