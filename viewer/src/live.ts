/**
 * A live session as the page has it: frames that come without end, and what is shown from which frame on.
 *
 * Knows messages and time, no scene. A session outlives its connection: after a loss it is resumed where it was,
 * or, where the server doesn't know it any more, begun anew in the same place.
 */

import { Clip, readSkeleton } from "./clip.ts";
import { CallError, type Connection, type Running } from "./connection.ts";
import type { Header, LiveResponse, LiveSegment, LiveStarted, TargetSkeleton } from "./messages.gen.ts";
import type { Partly } from "./protobuf.ts";

/** Seconds that are kept to look back at. */
const KEPT = 60;
/** Seconds between two acknowledgements. */
const SAID = 0.1;
/** Milliseconds until the next try where the server is there and can't just now. */
const RETRY = 1000;
const NOT_FOUND = 5;
const UNAVAILABLE = 14;
const INTERACTIVE = 3;

/** The newest frames of a session; older ones make room, all at once and seldom. */
export class LiveClip extends Clip {
  /** Frames of the session that were here and are gone. */
  dropped = 0;

  override get span(): number {
    return Math.max(this.ready - 1, 1);
  }

  override get complete(): boolean {
    return false;
  }

  override get endless(): boolean {
    return true;
  }

  /** Make room for more; gives how many frames went. */
  makeRoom(frames: number): number {
    if (this.ready + frames <= this.frames) return 0;
    const gone = Math.max(this.ready - (this.frames >> 1), 0);
    const joints = this.skeleton.names.length;
    this.rotations.copyWithin(0, gone * joints * 4, this.ready * joints * 4);
    this.root.copyWithin(0, gone * 3, this.ready * 3);
    this.contacts.copyWithin(0, gone, this.ready);
    this.ready -= gone;
    this.dropped += gone;
    this.moves++;
    return gone;
  }
}

/** How it begins. */
export interface LiveWish {
  prompt: string;
  model: string;
  preset: string;
  steps: number | null;
  guidance: number | null;
  seed: bigint | null;
  target: Partly<TargetSkeleton> | undefined;
}

/** What happens to a session, for those who show it. */
export interface LiveListener {
  /** Its first clip is there, or that of a session begun anew. */
  began(clip: LiveClip): void;
  /** Frames came; so many older ones went. */
  grew(gone: number): void;
  /** Something else is shown now, or will be. */
  said(shown: string, coming: string | null): void;
  /** A command was refused, or the server has something to say. */
  told(message: string): void;
  /** It is over; with the reason where it ended badly. */
  ended(error: unknown): void;
}

export class Live {
  clip: LiveClip | null = null;
  private call: Running | null = null;
  private header: Header | null = null;
  private started: LiveStarted | null = null;
  private segments: LiveSegment[] = [];
  private coming: { id: bigint; prompt: string } | null = null;
  private shown = "";
  private number = 1n;
  private acknowledged = 0;
  private told = 0;
  private closed = false;
  /** What each frame that came cost to unpack, milliseconds a message. */
  readonly decoding: number[] = [];

  constructor(
    private readonly connection: Connection,
    private wish: LiveWish,
    private readonly listener: LiveListener,
  ) {}

  get running(): boolean {
    return !this.closed;
  }

  /** Begin, or go on after the connection was lost. */
  connect(): void {
    if (this.call || this.closed) return;
    const { started, clip } = this;
    if (started && clip) {
      const next_frame = clip.dropped + clip.ready;
      this.talk({ id: this.next(), resume: { session_id: started.session_id, secret: started.secret, next_frame } });
    } else this.talk({ id: this.next(), open: this.opening() });
  }

  /** Do something else now. */
  prompt(prompt: string): void {
    const id = this.next();
    this.wish = { ...this.wish, prompt };
    this.coming = { id, prompt };
    this.call?.say({ live: { id, prompt: { prompt } } });
    this.tell();
  }

  /** Come to rest. */
  stop(): void {
    const id = this.next();
    this.wish = { ...this.wish, prompt: "" };
    this.coming = { id, prompt: "" };
    this.call?.say({ live: { id, stop: {} } });
    this.tell();
  }

  /** End the session. */
  close(): void {
    if (this.closed) return;
    this.call?.say({ live: { id: 0n, close: {} } });
  }

  /** The clip has been played up to this time, seconds of what is kept. */
  played(time: number): void {
    const { clip, started } = this;
    if (!clip || !started || !this.call) return;
    const frame = clip.dropped + Math.floor(time * clip.fps);
    const now = performance.now() / 1000;
    if (frame > this.acknowledged && now - this.told >= SAID) {
      this.acknowledged = frame;
      this.told = now;
      this.call.say({ live: { id: 0n, playhead: { frame } } });
    }
    let changed = false;
    while (this.segments.length && this.segments[0]!.first_frame <= frame) {
      const segment = this.segments.shift()!;
      changed ||= segment.prompt !== this.shown || segment.command === this.coming?.id;
      this.shown = segment.prompt;
      if (this.coming && segment.command >= this.coming.id) this.coming = null;
    }
    if (changed) this.tell();
  }

  private next(): bigint {
    return this.number++;
  }

  private tell(): void {
    this.listener.said(this.shown, this.coming?.prompt ?? null);
  }

  private opening() {
    const { wish, clip } = this;
    const sampling = {
      preset: wish.preset,
      ...(wish.steps === null ? {} : { steps: wish.steps }),
      ...(wish.guidance === null ? {} : { guidance: wish.guidance }),
    };
    const last = clip ? 3 * (clip.ready - 1) : -1;
    return {
      prompt: wish.prompt,
      model: wish.model,
      sampling,
      priority: INTERACTIVE,
      ...(wish.seed === null ? {} : { seed: wish.seed }),
      ...(wish.target ? { target: wish.target } : {}),
      ...(clip && last >= 0 ? { position: { x: clip.root[last]!, y: 0, z: clip.root[last + 2]! } } : {}),
    };
  }

  private talk(live: Parameters<Running["say"]>[0]["live"]): void {
    this.header = null;
    const call = this.connection.call({ live }, (answer) => answer.live && this.hear(answer.live));
    this.call = call;
    call.done.then(
      () => this.end(null),
      (error: unknown) => this.lost(call, error),
    );
  }

  private hear(event: LiveResponse): void {
    if (event.header) this.header = event.header;
    else if (event.started) this.begin(event.started);
    else if (event.segment) this.segments.push(event.segment);
    else if (event.chunk) {
      const began = performance.now();
      const gone = this.clip!.makeRoom(event.chunk.frames);
      this.clip!.push({ ...event.chunk, first_frame: event.chunk.first_frame - this.clip!.dropped });
      this.decoding.push(performance.now() - began);
      this.listener.grew(gone);
    } else if (event.answer?.code) {
      if (event.answer.id === this.coming?.id) this.coming = null;
      this.listener.told(event.answer.message);
      this.tell();
    } else if (event.notice) this.listener.told(event.notice.message);
  }

  private begin(started: LiveStarted): void {
    const header = this.header!;
    this.started = started;
    if (started.resumed) {
      this.segments = [];
      return;
    }
    const skeleton = readSkeleton(header.joints, header.root_joint, header.sole);
    this.clip = new LiveClip(skeleton, header.fps, Math.round(KEPT * header.fps), 0n, header.model, header.licence_notice);
    this.segments = [];
    this.acknowledged = 0;
    for (const notice of header.notices) this.listener.told(notice.message);
    this.listener.began(this.clip);
  }

  /** The stream broke: with the connection, which comes back, or for good. */
  private lost(call: Running, error: unknown): void {
    if (call !== this.call || this.closed) return;
    this.call = null;
    const code = error instanceof CallError ? error.end.code : -1;
    if (code === NOT_FOUND && this.started) {
      this.started = null; // the server has forgotten it: it begins anew, in the same place
      this.connect();
    } else if (code !== UNAVAILABLE) this.end(error);
    else if (this.connection.state === "open") setTimeout(() => this.connect(), RETRY); // else whoever connects calls
  }

  private end(error: unknown): void {
    if (this.closed) return;
    this.closed = true;
    this.call = null;
    this.listener.ended(error);
  }
}
