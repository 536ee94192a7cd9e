/** The page around the stage: status, messages, panel, theme, dialogs. Knows no motion. */

import type { State } from "../connection.ts";
import type { Theme } from "../stage.ts";
import { find, make } from "./dom.ts";

const THEME = "posewire.theme";
const NARROW = matchMedia("(max-width: 820px)");

export class Page {
  private readonly status = find("status");
  private readonly message = find("message");
  private readonly panel = find("panel");
  private readonly button = find<HTMLButtonElement>("panel-button");
  private ticking = 0;

  constructor(
    private readonly painted: (theme: Theme) => void,
    private readonly resized: () => void,
  ) {
    this.button.onclick = () => this.togglePanel();
    find("theme").onclick = () => this.toggleTheme();
    find("help").onclick = () => this.help();
    this.message.querySelector("button")!.onclick = () => this.say("");
    const wish = localStorage.getItem(THEME);
    const system = matchMedia("(prefers-color-scheme: light)");
    system.onchange = () => localStorage.getItem(THEME) ?? this.paint(system.matches ? "light" : "dark");
    this.paint(wish === "light" || wish === "dark" ? wish : system.matches ? "light" : "dark");
    NARROW.onchange = () => this.openPanel(!NARROW.matches);
    this.markPanel(!NARROW.matches);
    new ResizeObserver(resized).observe(find("dock"));
  }

  /** What the stage has for itself: pixels that are covered at its right and its bottom. */
  get covered(): { right: number; bottom: number } {
    const shown = this.panel.offsetParent !== null || getComputedStyle(this.panel).display !== "none";
    const top = Math.min(...["dock", "history"].map((id) => find(id).getBoundingClientRect().top || Infinity));
    return { right: shown && !NARROW.matches ? this.panel.offsetWidth + 18 : 0, bottom: innerHeight - top };
  }

  togglePanel(): void {
    this.openPanel(document.body.dataset.panel === "closed");
  }

  toggleTheme(): void {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, theme);
    this.paint(theme);
  }

  help(): void {
    find<HTMLDialogElement>("help-dialog").showModal();
  }

  /** Show a message until it is closed or the next one; an empty text closes it. */
  say(text: string, kind: "error" | "note" = "error"): void {
    this.message.hidden = text === "";
    this.message.dataset.kind = kind;
    this.message.querySelector("span")!.textContent = text;
  }

  /** What must be said of the model whose motion is shown: its beginning, and all of it at a press; an empty text says nothing. */
  notice(text: string): void {
    const line = find("notice");
    line.textContent = paragraphs(text)[0]!;
    line.hidden = text === "";
    line.onclick = () => this.showTerms(text);
    this.resized();
  }

  /** Show all that a licence wants said. */
  showTerms(text: string): void {
    find("terms").replaceChildren(...paragraphs(text).map((paragraph) => make("p", {}, paragraph)));
    find<HTMLDialogElement>("terms-dialog").showModal();
  }

  /** Whether the server is there. */
  connected(state: State, retryAt: number, version: string): void {
    clearInterval(this.ticking);
    this.status.dataset.state = state;
    const write = (text: string): void => void (this.status.querySelector("span")!.textContent = text);
    this.status.title = version ? `Posewire ${version}` : "";
    if (state === "open") write("Connected");
    else if (state === "token") write("A token is needed");
    else if (state === "connecting") write("Connecting");
    else {
      const tell = (): void => write(`Server gone. Trying again in ${Math.max(Math.ceil((retryAt - performance.now()) / 1000), 1)} s`);
      tell();
      this.ticking = window.setInterval(tell, 500);
    }
  }

  /** Ask for a token. */
  askToken(wrong: boolean, enter: (token: string) => void): void {
    const dialog = find<HTMLDialogElement>("token-dialog");
    const field = find<HTMLInputElement>("token");
    find("token-wrong").hidden = !wrong;
    field.value = "";
    dialog.oncancel = (event) => event.preventDefault();
    dialog.onclose = () => field.value && enter(field.value);
    if (!dialog.open) dialog.showModal();
  }

  private openPanel(open: boolean): void {
    this.markPanel(open);
    this.resized();
  }

  private markPanel(open: boolean): void {
    document.body.dataset.panel = open ? "open" : "closed";
    this.button.setAttribute("aria-expanded", String(open));
  }

  private paint(theme: Theme): void {
    document.documentElement.dataset.theme = theme;
    this.painted(theme);
  }
}

function paragraphs(text: string): string[] {
  return text.split(/\n\s*\n/);
}
