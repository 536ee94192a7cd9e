/** The last requests and where their time went: queue, text, steps, decode, wire. */

import type { Take } from "../takes.ts";
import { find, make } from "./dom.ts";

/** What is shown -> the server's own stages. */
const STAGES: Readonly<Record<string, readonly string[]>> = {
  queue: ["queue"],
  text: ["tokenise", "encode", "condition"],
  steps: ["step"],
  decode: ["decode", "post"],
  wire: ["pack", "send"],
};
const MOST = 6;

export class Requests {
  private readonly list = find<HTMLOListElement>("requests");
  private readonly takes: { take: Take; error: string }[] = [];

  constructor() {
    find("legend").append(...Object.keys(STAGES).map((stage) => make("li", {}, make("i", { "data-stage": stage }), stage)));
  }

  /** A take has ended, well or with an error. */
  add(take: Take, error = ""): void {
    this.takes.unshift({ take, error });
    this.takes.length = Math.min(this.takes.length, MOST);
    const longest = Math.max(...this.takes.map((entry) => sum(stagesOf(entry.take))), 1e-3);
    this.list.replaceChildren(...this.takes.map((entry) => line(entry.take, entry.error, longest)));
  }
}

/** Milliseconds of each stage: of several clips that ran side by side, the longest. */
function stagesOf(take: Take): [string, number][] {
  return Object.entries(STAGES).map(([stage, names]) => {
    const spent = take.parts.map((part) =>
      part.timings.filter((timing) => names.includes(timing.stage)).reduce((total, timing) => total + Number(timing.nanoseconds) / 1e6, 0),
    );
    return [stage, Math.max(0, ...spent)];
  });
}

function sum(stages: [string, number][]): number {
  return stages.reduce((total, [, spent]) => total + spent, 0);
}

function line(take: Take, error: string, longest: number): HTMLLIElement {
  const stages = stagesOf(take);
  const told = stages.map(([stage, spent]) => `${stage} ${milliseconds(spent)}`).join(", ");
  const bar = make("div", { class: "stages", role: "img", "aria-label": told, title: told });
  for (const [stage, spent] of stages) {
    const part = make("i", { "data-stage": stage });
    part.style.width = `${(spent / longest) * 100}%`;
    bar.append(part);
  }
  const entry = make("li", {}, make("p", { title: take.wish.prompt }, take.wish.prompt));
  if (error) {
    entry.append(make("p", { class: "figures failed" }, error));
    return entry;
  }
  const frames = take.parts.reduce((total, part) => total + (part.clip?.frames ?? 0), 0);
  const first = take.firstFrame === null ? "none" : milliseconds(take.firstFrame);
  const figures = `first frame ${first} · all ${milliseconds(take.total ?? 0)} · ${frames} frames`;
  entry.append(bar, make("p", { class: "figures" }, figures));
  return entry;
}

function milliseconds(spent: number): string {
  return spent < 10 ? `${spent.toFixed(1)} ms` : spent < 10_000 ? `${Math.round(spent)} ms` : `${(spent / 1000).toFixed(1)} s`;
}
