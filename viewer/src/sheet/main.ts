/**
 * The page of everything that was baked: a card for each clip, with a figure that moves.
 *
 * A classic script inside the page itself, so that the page opens by double-click. Decoding, time and poses are the stage's.
 */

import { Clip, SMALLEST_THREE_48 } from "../clip.ts";
import { Player } from "../player.ts";
import { Sketch } from "./sketch.ts";

/** As `bake/preview.py` writes it: the joints below the pelvis, unturned at rest, and packed frames. */
interface Preview {
  fps: number;
  frames: number;
  parents: number[];
  head: number;
  positions: number[];
  data: string;
}

interface Baked {
  name: string;
  prompt: string;
  seed: number;
  tags: string[];
  passes: string;
  seconds: number;
  fps: number;
  files: string[];
  preview: Preview;
  model: string;
  rig: string;
}

/** Radians that a drag of a pixel turns all figures by. */
const DRAG = 1 / 120;
/** A page in the background misses time; so much of it is made up for, seconds. */
const LONGEST_STEP = 0.1;

const clips = JSON.parse(find("clips").textContent!) as Baked[];
const play = find("play");
const figures = new Map<Element, Figure>();
const visible = new Set<Figure>();
let yaw = 0.66;
let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
let last = 0;

/** A clip that is shown; unpacked when it is seen for the first time. */
class Figure {
  private readonly player = new Player();
  private sketch: Sketch | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly preview: Preview,
  ) {}

  /** Make room for as many pixels as the screen has. */
  fit(): void {
    const size = Math.round(this.canvas.clientWidth * Math.min(devicePixelRatio, 2)) || 480;
    if (this.canvas.width === size && this.sketch) return;
    this.canvas.width = this.canvas.height = size;
    this.sketch ??= this.open();
  }

  /** Draw it so many seconds later. */
  draw(seconds: number): void {
    this.player.playing = playing;
    this.player.advance(seconds);
    this.sketch!.draw(this.player, yaw);
  }

  private open(): Sketch {
    const clip = unpack(this.preview);
    this.player.load([clip]);
    return new Sketch(this.canvas.getContext("2d")!, clip, this.preview.head);
  }
}

function unpack({ fps, frames, parents, positions, data }: Preview): Clip {
  const skeleton = {
    names: parents.map(String),
    parents,
    positions: Float32Array.from(positions),
    rotations: Float32Array.from(parents.flatMap(() => [0, 0, 0, 1])),
    pelvis: 0,
    sole: 0,
  };
  const clip = new Clip(skeleton, fps, frames, 0n, "");
  clip.push({ first_frame: 0, frames, data: Uint8Array.from(atob(data), (c) => c.charCodeAt(0)) }, SMALLEST_THREE_48);
  return clip;
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const figure = figures.get(entry.target)!;
      if (entry.isIntersecting) visible.add(figure);
      else visible.delete(figure);
      if (entry.isIntersecting) figure.fit();
    }
  },
  { rootMargin: "120px" },
);

function find(id: string): HTMLElement {
  return document.getElementById(id)!;
}

function element<K extends keyof HTMLElementTagNameMap>(kind: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(kind);
  made.className = className;
  made.textContent = text;
  return made;
}

function card(clip: Baked): HTMLElement {
  const article = element("article");
  const text = element("div", "text");
  const facts = [`${clip.seconds.toFixed(1)} s`, `${clip.fps} fps`, `seed ${clip.seed}`, clip.model, clip.rig, clip.passes];
  if (clip.tags.length) facts.push(`#${clip.tags.join(" #")}`);
  const meta = element("p", "meta", facts.filter(Boolean).join(" · "));
  text.append(element("p", "prompt", clip.prompt), meta, links(clip));
  article.append(picture(clip), text);
  return article;
}

function links(clip: Baked): HTMLElement {
  const files = element("p", "meta files");
  for (const name of clip.files) {
    const link = element("a", "", name.slice(clip.name.length + 1));
    link.href = encodeURIComponent(name);
    files.append(link);
  }
  return files;
}

/** A figure that moves; dragging it turns all. */
function picture(clip: Baked): HTMLCanvasElement {
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `A moving figure: ${clip.prompt}`);
  figures.set(canvas, new Figure(canvas, clip.preview));
  watcher.observe(canvas);
  canvas.onpointerdown = (event) => canvas.setPointerCapture(event.pointerId);
  canvas.onpointermove = (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) yaw -= event.movementX * DRAG;
  };
  return canvas;
}

const cards = clips.map(card);
const words = clips.map((clip) => `${clip.prompt} ${clip.name} ${clip.tags.join(" ")}`.toLowerCase());

/** Show the cards that hold all of these words. */
function filter(wanted: string): void {
  const parts = wanted.toLowerCase().split(/\s+/);
  cards.forEach((each, i) => (each.hidden = !parts.every((part) => words[i]!.includes(part))));
  find("count").textContent = `${cards.filter((each) => !each.hidden).length} of ${cards.length} clips`;
}

function label(): void {
  play.textContent = playing ? "Pause" : "Play";
}

function tick(now: number): void {
  const seconds = Math.min((now - last) / 1000, LONGEST_STEP);
  last = now;
  for (const figure of visible) figure.draw(seconds);
  requestAnimationFrame(tick);
}

find("sheet").append(...cards);
find("find").addEventListener("input", (event) => filter((event.target as HTMLInputElement).value));
play.onclick = () => {
  playing = !playing;
  label();
};
addEventListener("resize", () => visible.forEach((figure) => figure.fit()));
label();
filter("");
requestAnimationFrame(tick);
