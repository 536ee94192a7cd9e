/** Play, scrub, speed, loop; the lanes behind the play head show where the feet stand. */

import type { Clip } from "../clip.ts";
import type { Player } from "../player.ts";
import { find, press, setIcon } from "./dom.ts";

const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];
const LANES = 4;
/** Milliseconds between two changes of the written time. */
const WRITING = 100;

export class Transport {
  private readonly play = find<HTMLButtonElement>("play");
  private readonly scrub = find<HTMLInputElement>("scrub");
  private readonly time = find<HTMLOutputElement>("time");
  private readonly speed = find<HTMLButtonElement>("speed");
  private readonly loop = find<HTMLButtonElement>("loop");
  private readonly lanes = find<HTMLCanvasElement>("lanes");
  private clip: Clip | null = null;
  private colour = "";
  /** Whether the lanes show less than what has arrived. */
  private stale = false;
  private written = 0;
  private shownTime = -1;
  private resumes = false;

  constructor(
    private readonly player: Player,
    private readonly redraw: () => void,
  ) {
    this.play.onclick = () => this.toggle();
    this.loop.onclick = () => this.toggleLoop();
    this.speed.onclick = () => this.changeSpeed(1, true);
    this.scrub.oninput = () => this.seek(this.scrub.valueAsNumber);
    this.scrub.onpointerdown = () => this.hold(true);
    this.scrub.onpointerup = this.scrub.onpointercancel = () => this.hold(false);
    new ResizeObserver(() => this.draw()).observe(this.lanes);
    requestAnimationFrame(this.tick);
  }

  /** Show the lanes of this clip. */
  show(clip: Clip | null, colour: string): void {
    this.clip = clip;
    this.colour = colour;
    this.scrub.max = String(this.player.duration);
    this.refresh();
    this.draw();
  }

  /** Frames have arrived. */
  grew(): void {
    this.stale = true;
  }

  toggle(): void {
    this.player.toggle();
    this.refresh();
    this.redraw();
  }

  toggleLoop(): void {
    this.player.loop = !this.player.loop;
    this.refresh();
  }

  /** The next speed up or down; with `wrap`, from the last to the first. */
  changeSpeed(step: number, wrap = false): void {
    const at = SPEEDS.indexOf(this.player.speed) + step;
    const next = wrap ? (at + SPEEDS.length) % SPEEDS.length : Math.min(Math.max(at, 0), SPEEDS.length - 1);
    this.player.speed = SPEEDS[next]!;
    this.refresh();
  }

  /** Go so many frames on, and stay there. */
  step(frames: number): void {
    this.player.playing = false;
    this.seek(this.player.time + frames * this.player.frameSeconds);
    this.refresh();
  }

  seek(time: number): void {
    this.player.seek(time);
    this.redraw();
  }

  /** While the thumb is held, time stands still. */
  private hold(held: boolean): void {
    if (held) this.resumes = this.player.playing;
    this.player.playing = !held && this.resumes;
  }

  private refresh(): void {
    setIcon(this.play, this.player.playing ? "pause" : "play");
    this.play.setAttribute("aria-label", this.player.playing ? "Pause" : "Play");
    press(this.loop, this.player.loop);
    this.speed.textContent = `${this.player.speed}×`;
    this.speed.setAttribute("aria-label", `Speed ${this.player.speed} times`);
    this.shownTime = -1;
  }

  private readonly tick = (now: number): void => {
    requestAnimationFrame(this.tick);
    const { time } = this.player;
    if (this.stale && now - this.written >= WRITING) {
      this.scrub.max = String(this.player.duration);
      this.draw();
    }
    if (time === this.shownTime) return;
    this.scrub.valueAsNumber = time;
    if (now - this.written < WRITING) return;
    this.shownTime = time;
    this.written = now;
    const all = this.player.duration.toFixed(2);
    this.time.textContent = `${time.toFixed(2)} / ${all} s`;
    this.scrub.setAttribute("aria-valuetext", `${time.toFixed(2)} of ${all} seconds`);
  };

  private draw(): void {
    this.stale = false;
    const { lanes, clip } = this;
    const ratio = Math.min(devicePixelRatio, 2);
    const [width, height] = [lanes.clientWidth * ratio, lanes.clientHeight * ratio];
    if (!width || !height) return;
    [lanes.width, lanes.height] = [width, height];
    const pen = lanes.getContext("2d")!;
    const style = getComputedStyle(lanes);
    pen.fillStyle = style.getPropertyValue("--field");
    pen.beginPath();
    pen.roundRect(0, 0, width, height, 8 * ratio);
    pen.fill();
    pen.clip();
    if (clip === null) return;
    const shown = clip.endless ? clip.ready : clip.frames;
    const frame = (width * clip.seconds) / Math.max(this.player.duration, clip.seconds) / Math.max(shown - 1, 1);
    pen.fillRect(0, 0, frame * clip.ready, height);
    pen.fillStyle = this.colour;
    const lane = height / (LANES + 1);
    for (let bit = 0; bit < LANES; bit++) {
      pen.globalAlpha = bit < 2 ? 0.9 : 0.5;
      let since = -1;
      for (let i = 0; i <= clip.ready; i++) {
        const stands = i < clip.ready && (clip.contacts[i]! & (1 << bit)) !== 0;
        if (stands && since < 0) since = i;
        if (stands || since < 0) continue;
        pen.fillRect(since * frame, lane * (bit + 0.75), (i - since) * frame, lane * 0.5);
        since = -1;
      }
    }
    pen.globalAlpha = 1;
  }
}
