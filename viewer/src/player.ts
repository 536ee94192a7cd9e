/** Time on the stage: play, pause, speed, loop. Never runs ahead of what has arrived. Knows no scene. */

import type { Clip } from "./clip.ts";
import type { Clock } from "./pose.ts";

export class Player implements Clock {
  time = 0;
  playing = true;
  speed = 1;
  loop = true;
  private clips: readonly Clip[] = [];
  private moved = true;
  /** Seconds of the longest clip, and how many of them can be played; as of the last `measure`. */
  private all = 0;
  private there = 0;

  /** Play these from the start. */
  load(clips: readonly Clip[]): void {
    this.clips = clips;
    this.seek(0);
    this.playing = true;
  }

  /** Seconds of the longest clip. */
  get duration(): number {
    this.measure();
    return this.all;
  }

  /** Seconds that can be played now. */
  get playable(): number {
    this.measure();
    return this.there;
  }

  private get endless(): boolean {
    for (let i = 0; i < this.clips.length; i++) if (this.clips[i]!.endless) return true;
    return false;
  }

  /** Out of whole numbers, into fields: a fraction that a getter gives back each frame may be put on the heap. */
  private measure(): void {
    let longest = 0;
    let shortest = Infinity;
    for (let i = 0; i < this.clips.length; i++) {
      const clip = this.clips[i]!;
      longest = Math.max(longest, clip.span / clip.fps);
      if (!clip.complete) shortest = Math.min(shortest, Math.max(clip.ready - 1, 0) / clip.fps);
    }
    this.all = longest;
    this.there = Math.min(shortest, longest);
  }

  /** So many seconds at the beginning are gone: stay with the same frame. */
  shift(seconds: number): void {
    this.time = Math.max(this.time - seconds, 0);
  }

  get frameSeconds(): number {
    return 1 / (this.clips[0]?.fps ?? 30);
  }

  seek(time: number): void {
    this.time = Math.min(Math.max(time, 0), this.playable);
    this.moved = true;
  }

  /** Play or pause; from the end, play again. */
  toggle(): void {
    this.playing = !this.playing;
    if (this.playing && !this.loop && this.time >= this.duration) this.seek(0);
  }

  /** Move on by real seconds; whether anything has moved. */
  advance(seconds: number): boolean {
    const moved = this.moved;
    this.moved = false;
    if (!this.playing || this.clips.length === 0) return moved;
    this.measure();
    const before = this.time;
    const end = this.there;
    const next = before + seconds * this.speed;
    const wraps = this.loop && !this.endless && end > 0 && end === this.all && next >= end;
    this.time = wraps ? next % end : Math.min(next, end);
    return moved || this.time !== before;
  }
}
