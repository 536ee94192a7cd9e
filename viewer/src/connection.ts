/**
 * The WebSocket to the server: calls out, answers in, a new try when it is gone.
 *
 * The token goes into the first message and nowhere else.
 */

import type { End, Messages, PageResponse, Welcome } from "./messages.gen.ts";
import { decode, encode, type Partly } from "./protobuf.ts";

export type State = "connecting" | "open" | "token" | "gone";

type Ask = Omit<Partly<Messages["PageRequest"]>, "call">;

/** A call that didn't end well. */
export class CallError extends Error {
  constructor(readonly end: End) {
    super(end.refusals.length ? end.refusals.map((refusal) => `${refusal.field}: ${refusal.message}`).join("; ") : end.message);
  }
}

export const CANCELLED = 1;
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const RETRIES = [300, 700, 1500, 3000, 5000];
const TOKEN = "posewire.token";

interface Call {
  hear(answer: PageResponse): void;
  end(end: End): void;
}

/** A running call. */
export interface Running {
  readonly done: Promise<void>;
  /** Say more, where the call is one that hears more. */
  say(ask: Ask): void;
  cancel(): void;
}

export class Connection {
  state: State = "connecting";
  welcome: Welcome | null = null;
  private socket: WebSocket | null = null;
  private calls = new Map<number, Call>();
  private last = 0;
  private failures = 0;
  private retry = 0;

  constructor(private readonly changed: (state: State, retryAt: number) => void) {}

  /** Connect, or try again at once. */
  open(): void {
    clearTimeout(this.retry);
    this.enter("connecting");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/socket`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => void this.greet();
    socket.onmessage = (event) => this.hear(new Uint8Array(event.data as ArrayBuffer));
    socket.onclose = () => this.lost(socket);
  }

  /** Come in with this token; it stays in this tab. */
  enterToken(token: string): void {
    sessionStorage.setItem(TOKEN, token);
    this.open();
  }

  /** Ask; each answer goes to `hear`, and `done` rejects where the call doesn't end well. */
  call(ask: Ask, hear: (answer: PageResponse) => void): Running {
    const number = ++this.last;
    const done = new Promise<void>((resolve, reject) => {
      const end = (end: End): void => (end.code ? reject(new CallError(end)) : resolve());
      if (this.socket?.readyState !== WebSocket.OPEN) return end(gone());
      const message = encode("PageRequest", { call: number, ...ask });
      const most = Number(this.welcome?.max_message_bytes ?? Infinity);
      if (message.length > most) return end(tooLong(message.length, most));
      this.calls.set(number, { hear, end });
      this.socket.send(message);
    });
    return { done, say: (more) => this.say(number, more), cancel: () => this.say(number, { cancel: {} }) };
  }

  /** Ask for what has one answer. */
  async ask<K extends keyof PageResponse>(ask: Ask, answer: K): Promise<NonNullable<PageResponse[K]>> {
    let found: PageResponse[K] | undefined;
    await this.call(ask, (said) => (found = said[answer])).done;
    if (found === undefined || found === null) throw new Error(`expected the server to answer with ${answer}`);
    return found;
  }

  private say(number: number, ask: Ask): void {
    if (this.calls.has(number) && this.socket?.readyState === WebSocket.OPEN)
      this.socket.send(encode("PageRequest", { call: number, ...ask }));
  }

  private async greet(): Promise<void> {
    try {
      this.welcome = await this.ask({ hello: { token: sessionStorage.getItem(TOKEN) ?? "" } }, "welcome");
      this.failures = 0;
      this.enter("open");
    } catch (error) {
      if (!(error instanceof CallError) || error.end.code !== UNAUTHENTICATED) return;
      sessionStorage.removeItem(TOKEN);
      this.enter("token");
    }
  }

  private hear(data: Uint8Array): void {
    const answer = decode("PageResponse", data);
    const call = this.calls.get(answer.call);
    if (call === undefined) return;
    if (answer.end === undefined) return call.hear(answer);
    this.calls.delete(answer.call);
    call.end(answer.end);
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.socket = null;
    const calls = [...this.calls.values()];
    this.calls.clear();
    for (const call of calls) call.end(gone());
    if (this.state === "token") return;
    const wait = RETRIES[Math.min(this.failures++, RETRIES.length - 1)]!;
    this.retry = window.setTimeout(() => this.open(), wait);
    this.enter("gone", performance.now() + wait);
  }

  private enter(state: State, retryAt = 0): void {
    this.state = state;
    this.changed(state, retryAt);
  }
}

function tooLong(found: number, most: number): End {
  const message = `expected a message of at most ${most} bytes (the server's max_request_bytes), found ${found}; a shorter clip fits, and posewire generate writes longer ones`;
  return { code: RESOURCE_EXHAUSTED, message, refusals: [] };
}

function gone(): End {
  return { code: UNAVAILABLE, message: "the server is gone; this page tries to reach it again", refusals: [] };
}
