// Starts and stops `posewire serve --viewer` and `posewire view` for the tests.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export const python = process.env.E2E_PYTHON ?? ".venv/bin/python";
const STOPPING = 10_000;

/** A running command whose first line of output says that it is ready. */
export async function start(...args) {
  const child = spawn(python, ["-m", "posewire_runtime.cli", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (data) => (log += data));
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`posewire ${args.join(" ")} ended with ${code}: ${log}`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      if (child.exitCode !== null) return resolve();
      const timer = setTimeout(() => child.kill("SIGKILL"), STOPPING);
      child.once("exit", () => (clearTimeout(timer), resolve()));
      child.kill("SIGTERM");
    });
  return { line, stop, log: () => log };
}

/** A server with a page, of the stand-in unless told otherwise; the page's address as `url`. */
export async function serve(...args) {
  const ports = args.includes("--viewer-port") ? [] : ["--viewer-port", "0"];
  const models = args.includes("--model") ? [] : ["--model", "stand-in"];
  const server = await start("serve", ...models, "--port", "0", "--viewer", "--json", ...ports, ...args);
  return { ...server, url: JSON.parse(server.line).viewer };
}
