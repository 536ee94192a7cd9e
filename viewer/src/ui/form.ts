/** The wishes: prompt, model, length, seed, steps, guidance, what stands side by side; and links that hold them. */

import type { Model } from "../messages.gen.ts";
import { MOST, type Wish } from "../takes.ts";
import { find, make } from "./dom.ts";

const HISTORY = "posewire.history";
const REMEMBERED = 12;
const EXAMPLES = [
  "a person waves with both hands",
  "a person walks forward",
  "a person runs, then stops",
  "a person sits down",
  "a person jumps",
];

export class Form {
  private readonly prompt = find<HTMLTextAreaElement>("prompt");
  private readonly model = find<HTMLSelectElement>("model");
  private readonly seconds = find<HTMLInputElement>("seconds");
  private readonly seed = find<HTMLInputElement>("seed");
  private readonly preset = find<HTMLSelectElement>("preset");
  private readonly steps = find<HTMLInputElement>("steps");
  private readonly guidance = find<HTMLInputElement>("guidance");
  private readonly compare = find<HTMLSelectElement>("compare");
  private models: readonly Model[] = [];
  private recalled = -1;

  constructor(private readonly submit: () => void) {
    find<HTMLFormElement>("composer").onsubmit = (event) => {
      event.preventDefault();
      submit();
    };
    this.prompt.onkeydown = (event) => this.onKey(event);
    this.model.onchange = () => this.showModel();
    this.preset.onchange = () => this.showSteps();
    find("dice").onclick = () => (this.seed.value = "");
    this.showHistory();
  }

  /** Offer these models; the first is the default. */
  offer(models: readonly Model[]): void {
    const before = this.model.value || this.wanted.get("model") || "";
    this.models = models;
    this.model.replaceChildren(...models.map((model) => make("option", { value: model.name }, model.name)));
    if (models.some((model) => model.name === before)) this.model.value = before;
    this.showModel();
  }

  get chosen(): Model | undefined {
    return this.models.find((model) => model.name === this.model.value);
  }

  /** Whether the seed is somebody's choice. */
  get seedGiven(): boolean {
    return this.seed.value.trim() !== "";
  }

  focus(): void {
    this.prompt.focus();
    this.prompt.select();
  }

  /** What the form says now; an empty seed becomes a random one. */
  read(): Wish {
    const seed = this.seed.value.trim();
    if (seed && !/^\d+$/.test(seed)) throw new Error(`expected a whole number as the seed, found "${seed}"`);
    const first = seed ? BigInt(seed) : BigInt(crypto.getRandomValues(new Uint32Array(1))[0]! % 100_000);
    const presets = this.compare.value === "presets" ? this.presetNames().slice(0, MOST) : [];
    const count = presets.length ? 1 : Number(this.compare.value);
    return {
      prompt: this.prompt.value.trim(),
      model: this.model.value,
      seconds: number(this.seconds),
      preset: this.preset.value,
      steps: number(this.steps),
      guidance: number(this.guidance),
      seeds: Array.from({ length: count }, (_, i) => first + BigInt(i)),
      presets,
    };
  }

  /** Put a prompt into the form and make it. */
  use(prompt: string): void {
    this.prompt.value = prompt;
    this.submit();
  }

  /** Remember a prompt, newest first. */
  remember(prompt: string): void {
    const known = [prompt, ...this.history().filter((each) => each !== prompt)].slice(0, REMEMBERED);
    localStorage.setItem(HISTORY, JSON.stringify(known));
    this.recalled = -1;
    this.showHistory();
  }

  /** A link that brings this motion again: prompt, seed, model, settings. No token. */
  link(wish: Wish): string {
    const said = new URLSearchParams({ prompt: wish.prompt, model: wish.model, seed: String(wish.seeds[0]) });
    if (wish.seconds !== null) said.set("seconds", String(wish.seconds));
    if (wish.preset) said.set("preset", wish.preset);
    if (wish.steps !== null) said.set("steps", String(wish.steps));
    if (wish.guidance !== null) said.set("guidance", String(wish.guidance));
    if (wish.presets.length) said.set("compare", "presets");
    else if (wish.seeds.length > 1) said.set("compare", String(wish.seeds.length));
    return `${location.origin}${location.pathname}#${said}`;
  }

  private wanted = new URLSearchParams();

  /** Fill the form from a link; whether it asks for something. */
  follow(hash: string): boolean {
    this.wanted = new URLSearchParams(hash.replace(/^#/, ""));
    const said = this.wanted;
    this.prompt.value = said.get("prompt") ?? this.prompt.value;
    for (const field of [this.seconds, this.seed, this.guidance] as const) field.value = said.get(field.id) ?? field.value;
    const compare = said.get("compare");
    if (compare !== null && [...this.compare.options].some((option) => option.value === compare)) this.compare.value = compare;
    const model = said.get("model");
    if (model !== null && this.models.some((each) => each.name === model)) this.model.value = model;
    if (this.models.length) this.showModel();
    return said.has("prompt");
  }

  private presetNames(): string[] {
    return (this.chosen?.presets ?? []).map((preset) => preset.name);
  }

  private showModel(): void {
    const { chosen } = this;
    if (chosen === undefined) return;
    const { limits, licence } = chosen;
    const longest = limits ? ` Up to ${(limits.max_frames / chosen.fps).toFixed(0)} s at ${chosen.fps} frames a second.` : "";
    find("model-about").textContent = `${chosen.description}${longest}`;
    find("model-terms").hidden = !licence?.notice;
    const kept = this.wanted.get("preset") ?? this.preset.value;
    this.preset.replaceChildren(...chosen.presets.map((preset) => make("option", { value: preset.name }, `${preset.name} · ${preset.steps} steps`)));
    const standard = chosen.presets.find((preset) => preset.is_default)?.name ?? "";
    this.preset.value = this.presetNames().includes(kept) ? kept : standard;
    this.guidance.disabled = limits?.fixed_guidance !== undefined;
    this.guidance.placeholder = limits?.fixed_guidance === undefined ? "the preset’s" : `always ${limits.fixed_guidance}`;
    if (limits) this.steps.max = String(limits.max_steps);
    this.showSteps();
    this.steps.value = this.wanted.get("steps") ?? "";
    this.wanted.delete("steps");
    this.wanted.delete("preset");
  }

  private showSteps(): void {
    this.steps.value = "";
    this.steps.placeholder = String(this.chosen?.presets.find((preset) => preset.name === this.preset.value)?.steps ?? "");
  }

  private history(): string[] {
    try {
      const known: unknown = JSON.parse(localStorage.getItem(HISTORY) ?? "[]");
      return Array.isArray(known) ? known.filter((each): each is string => typeof each === "string") : [];
    } catch {
      return [];
    }
  }

  private showHistory(): void {
    const known = this.history();
    const shown = [...known, ...EXAMPLES.filter((example) => !known.includes(example))].slice(0, REMEMBERED);
    const chips = shown.map((prompt) => {
      const chip = make("button", { class: "chip", type: "button", title: prompt }, prompt);
      chip.onclick = () => this.use(prompt);
      return chip;
    });
    find("history").replaceChildren(...chips);
  }

  private onKey(event: KeyboardEvent): void {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit();
    } else if (step !== undefined && !this.prompt.value.includes("\n")) {
      const known = this.history();
      const next = Math.min(Math.max(this.recalled + step, -1), known.length - 1);
      if (next === this.recalled) return;
      event.preventDefault();
      this.recalled = next;
      this.prompt.value = known[next] ?? "";
    }
  }
}

function number(field: HTMLInputElement): number | null {
  return field.value.trim() === "" || Number.isNaN(field.valueAsNumber) ? null : field.valueAsNumber;
}
