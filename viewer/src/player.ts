/** Time on the stage: play, pause, speed, loop. Never runs ahead of what has arrived. Knows no scene. */

import type { Clip } from "./clip.ts";

export class Player {
  time = 0;
  playing = true;
  speed = 1;
  loop = true;
  private clips: readonly Clip[] = [];
  private moved = true;

  /** Play these from the start. */
  load(clips: readonly Clip[]): void {
    this.clips = clips;
    this.seek(0);
    this.playing = true;
  }

  /** Seconds of the longest clip. */
  get duration(): number {
    let longest = 0;
    for (const clip of this.clips) longest = Math.max(longest, clip.seconds);
    return longest;
  }

  /** Seconds that can be played now. */
  get playable(): number {
    let shortest = Infinity;
    for (const clip of this.clips) if (!clip.complete) shortest = Math.min(shortest, clip.playable);
    return Math.min(shortest, this.duration);
  }

  private get endless(): boolean {
    for (const clip of this.clips) if (clip.endless) return true;
    return false;
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
    const before = this.time;
    const end = this.playable;
    const next = before + seconds * this.speed;
    const wraps = this.loop && !this.endless && end > 0 && end === this.duration && next >= end;
    this.time = wraps ? next % end : Math.min(next, end);
    return moved || this.time !== before;
  }
}
