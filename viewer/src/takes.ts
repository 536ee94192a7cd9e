/**
 * What one press of the button makes: up to four clips, of several seeds or several presets, streamed side by side.
 *
 * Measures what a player feels: from the button to the first frame that can be drawn.
 */

import { Clip, readSkeleton } from "./clip.ts";
import type { Connection, Running } from "./connection.ts";
import type { GenerateResponse, Header, StageTiming, TargetSkeleton } from "./messages.gen.ts";
import type { Partly } from "./protobuf.ts";

/** What the form says. */
export interface Wish {
  prompt: string;
  model: string;
  seconds: number | null;
  preset: string;
  steps: number | null;
  guidance: number | null;
  /** One clip for each of these, with the same settings... */
  seeds: bigint[];
  /** ...or, where there are any, one for each of these presets, with the first seed. */
  presets: string[];
}

export const MOST = 4;
const INTERACTIVE = 3;

/** One clip on its way. */
export interface Part {
  label: string;
  clip: Clip | null;
  steps: { done: number; all: number };
  timings: readonly StageTiming[];
}

/** What happens to a take, for those who show it. */
export interface Listener {
  /** The clip of a part was announced. */
  began(part: Part): void;
  /** Frames of it have arrived. */
  grew(part: Part): void;
  progressed(): void;
}

export class Take {
  readonly parts: Part[] = [];
  readonly notices: string[] = [];
  /** Milliseconds from the button to the first frame, and to the last. */
  firstFrame: number | null = null;
  total: number | null = null;
  private readonly began = performance.now();
  private readonly running: Running[] = [];
  /** What unpacking frames cost, milliseconds a message. */
  readonly decoding: number[] = [];

  constructor(
    readonly wish: Wish,
    private readonly listener: Listener,
  ) {}

  /** Ask for everything; resolves when all of it is there. */
  async run(connection: Connection, target: Partly<TargetSkeleton> | undefined): Promise<void> {
    const { wish } = this;
    const requests = wish.presets.length
      ? wish.presets.map((preset) => ({ preset, seeds: wish.seeds.slice(0, 1), labels: [preset] }))
      : [{ preset: wish.preset, seeds: wish.seeds, labels: wish.seeds.map((seed) => `seed ${seed}`) }];
    const calls = requests.map(({ preset, seeds, labels }) => {
      const parts = labels.map((label): Part => ({ label, clip: null, steps: { done: 0, all: 0 }, timings: [] }));
      this.parts.push(...parts);
      let header: Header | null = null;
      const call = connection.call({ generate: request(wish, preset, seeds, target) }, (answer) => {
        if (answer.generate?.header) header = this.open(answer.generate.header);
        else if (answer.generate && header) this.hear(answer.generate, header, parts);
      });
      this.running.push(call);
      return call.done;
    });
    try {
      await Promise.all(calls);
      this.total = performance.now() - this.began;
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  cancel(): void {
    for (const call of this.running) call.cancel();
  }

  /** Share of all steps that are made. */
  get progress(): number {
    let done = 0;
    let all = 0;
    for (const part of this.parts) {
      done += part.steps.done;
      all += part.steps.all;
    }
    return all ? done / all : 0;
  }

  private open(header: Header): Header {
    for (const notice of header.notices) if (!this.notices.includes(notice.message)) this.notices.push(notice.message);
    return header;
  }

  private hear(event: GenerateResponse, header: Header, parts: readonly Part[]): void {
    if (event.progress) {
      const { clip, step, steps } = event.progress;
      parts[clip]!.steps = { done: step, all: steps };
      this.listener.progressed();
    } else if (event.clip_start) {
      const { clip, frames, seed } = event.clip_start;
      const skeleton = readSkeleton(header.joints, header.root_joint, header.sole);
      parts[clip]!.clip = new Clip(skeleton, header.fps, frames, seed, header.model, header.licence_notice);
      this.listener.began(parts[clip]!);
    } else if (event.chunk) {
      const part = parts[event.chunk.clip]!;
      const began = performance.now();
      part.clip!.push(event.chunk);
      this.decoding.push(performance.now() - began);
      this.firstFrame ??= performance.now() - this.began;
      this.listener.grew(part);
    } else if (event.clip_end) {
      parts[event.clip_end.clip]!.timings = event.clip_end.timings;
    } else if (event.notice) {
      this.notices.push(event.notice.message);
    }
  }
}

function request(wish: Wish, preset: string, seeds: bigint[], target: Partly<TargetSkeleton> | undefined) {
  const sampling = {
    preset,
    ...(wish.steps === null || wish.presets.length ? {} : { steps: wish.steps }),
    ...(wish.guidance === null ? {} : { guidance: wish.guidance }),
  };
  return {
    prompt: wish.prompt,
    model: wish.model,
    seeds,
    sampling,
    progress: true,
    priority: INTERACTIVE,
    ...(wish.seconds === null ? {} : { seconds: wish.seconds }),
    ...(target ? { target } : {}),
  };
}
