/** The page: ties the connection, the form, the stage and the player together. */

import * as THREE from "three";
import { Actor, type Casting, type Looks } from "./actor.ts";
import { characterCasting, mannequinCasting, Wardrobe, type BoneMap } from "./casting.ts";
import { bakeAnimation, readCharacter, type Character } from "./character.ts";
import { Clip, readSkeleton, writeJoints } from "./clip.ts";
import { CallError, CANCELLED, Connection, type State } from "./connection.ts";
import type { Header, TargetSkeleton } from "./messages.gen.ts";
import { Live } from "./live.ts";
import { Player } from "./player.ts";
import type { Partly } from "./protobuf.ts";
import { COLOURS, Stage } from "./stage.ts";
import { MOST, Take, type Part } from "./takes.ts";
import { find, make, press, pressed } from "./ui/dom.ts";
import { listenForFiles } from "./ui/drop.ts";
import { Form } from "./ui/form.ts";
import { listen } from "./ui/keys.ts";
import { Page } from "./ui/page.ts";
import { Requests } from "./ui/requests.ts";
import { Transport } from "./ui/transport.ts";

class App {
  readonly player = new Player();
  readonly stage = new Stage(find<HTMLCanvasElement>("stage"), this.player);
  private readonly connection = new Connection((state, retryAt) => this.connected(state, retryAt));
  private readonly wardrobe = new Wardrobe(this.connection);
  private readonly transport = new Transport(this.player, () => this.stage.redraw());
  private readonly requests = new Requests();
  private readonly form = new Form(() => this.submit());
  private readonly page = new Page(
    (theme) => this.stage.paint(theme),
    () => this.inset(),
  );
  /** What is being made. */
  private take: Take | null = null;
  /** What was made last. */
  private made: Take | null = null;
  /** The character that moves on and on. */
  private live: Live | null = null;
  private character: { file: Character; bones: BoneMap } | null = null;
  private selected = 0;
  private started = false;
  private refused = false;

  constructor() {
    this.wireButtons();
    this.wireKeys();
    listenForFiles((file) => void this.wear(file));
    addEventListener("hashchange", () => this.form.follow(location.hash) && void this.make());
    this.connection.open();
  }

  /** What unpacking each message of the last take cost, milliseconds. */
  get decoding(): readonly number[] {
    return this.live?.decoding ?? this.made?.decoding ?? [];
  }

  // ------------------------------------------------------------------------------------- the server

  private connected(state: State, retryAt: number): void {
    this.page.connected(state, retryAt, this.connection.welcome?.server_version ?? "");
    find<HTMLButtonElement>("make").disabled = state !== "open";
    if (state === "open") void this.begin().catch((error: unknown) => this.complain(error));
    if (state === "token") {
      this.page.askToken(this.refused, (token) => this.connection.enterToken(token));
      this.refused = true;
    }
  }

  /** The server is there, for the first time or again. */
  private async begin(): Promise<void> {
    const { generates, exhibits, formats } = this.connection.welcome!;
    document.body.dataset.models = generates ? "yes" : "no";
    this.offerFormats(formats.map((format) => format.suffix));
    if (generates) this.form.offer((await this.connection.ask({ list_models: {} }, "list_models")).models);
    if (this.live?.running) return this.live.connect();
    if (this.started) return;
    this.started = true;
    this.inset();
    this.stage.frameAll();
    if (exhibits.length) await this.exhibit(exhibits);
    else if (this.form.follow(location.hash)) await this.make();
    else await this.greet();
  }

  /** The mannequin stands there before anybody has asked for anything. */
  private async greet(): Promise<void> {
    const model = this.form.chosen;
    if (model === undefined) return;
    const clip = new Clip(readSkeleton(model.joints, model.root_joint, model.sole), model.fps, 2, 0n, model.name);
    for (let frame = 0; frame < 2; frame++) {
      clip.rotations.set(clip.skeleton.rotations, frame * clip.skeleton.rotations.length);
      clip.root.set(clip.skeleton.positions.subarray(3 * clip.skeleton.pelvis, 3 * clip.skeleton.pelvis + 3), frame * 3);
      clip.root[3 * frame + 1]! -= clip.skeleton.sole;
    }
    const casting = await this.casting(clip, 0);
    if (this.take || this.made) return;
    clip.ready = 2;
    this.stage.cast([new Actor(clip, casting, new THREE.Color(COLOURS[0]), "")]);
  }

  // ------------------------------------------------------------------------------------- motion

  /** The form was sent: something new to make, or, live, to do. */
  private submit(): void {
    if (this.live) this.sayLive();
    else if (this.take) this.stop();
    else void this.make();
  }

  private async make(): Promise<void> {
    if (this.take || this.live || this.connection.state !== "open") return;
    let take: Take;
    try {
      take = new Take(this.form.read(), {
        began: () => void this.put(take).catch((error: unknown) => this.complain(error)),
        grew: (part) => this.grew(take, part),
        progressed: () => (find<HTMLProgressElement>("progress").value = take.progress),
      });
    } catch (error) {
      return this.complain(error);
    }
    this.begun(take);
    try {
      await take.run(this.connection, this.target());
      this.made = take;
      this.requests.add(take);
      this.form.remember(take.wish.prompt);
      history.replaceState(null, "", this.form.link(take.wish));
      this.page.say(take.notices.join(" "), "note");
      find<HTMLButtonElement>("share").disabled = false;
      this.describe(take.wish.prompt);
    } catch (error) {
      const cancelled = error instanceof CallError && error.end.code === CANCELLED;
      this.requests.add(take, cancelled ? "stopped" : error instanceof Error ? error.message : String(error));
      if (!cancelled) this.complain(error);
    } finally {
      this.ended(take);
    }
  }

  private stop(): void {
    if (this.live) this.live.stop();
    else this.take?.cancel();
  }

  // ------------------------------------------------------------------------------------- live

  private toggleLive(): void {
    if (this.live) return this.live.close();
    if (this.take || this.connection.state !== "open") return;
    let wish;
    try {
      wish = this.form.read();
    } catch (error) {
      return this.complain(error);
    }
    this.page.say("");
    const { prompt, model, preset, steps, guidance } = wish;
    const live = new Live(
      this.connection,
      { prompt, model, preset, steps, guidance, seed: this.form.seedGiven ? wish.seeds[0]! : null, target: this.target() },
      {
        began: () => void this.putLive(live).catch((error: unknown) => this.complain(error)),
        grew: (gone) => this.grewLive(live, gone),
        said: (shown, coming) => this.showLive(shown, coming),
        told: (message) => this.page.say(message, "note"),
        ended: (error) => this.endLive(live, error),
      },
    );
    this.live = live;
    this.markLive(true);
    this.showLive("", prompt || null);
    live.connect();
  }

  private sayLive(): void {
    const { prompt } = this.form.read();
    if (!prompt) return;
    this.live!.prompt(prompt);
    this.form.remember(prompt);
    this.form.focus();
  }

  private async putLive(live: Live): Promise<void> {
    const clip = live.clip!;
    const casting = await this.casting(clip, 0);
    if (live !== this.live || clip !== live.clip) return;
    this.perform([new Actor(clip, casting, new THREE.Color(COLOURS[0]), "live")]);
  }

  private grewLive(live: Live, gone: number): void {
    if (live !== this.live) return;
    if (gone) this.player.shift(gone / live.clip!.fps);
    this.transport.grew();
    this.stage.redraw();
  }

  /** What it does now, and what it will do in a moment. */
  private showLive(shown: string, coming: string | null): void {
    const [now, next] = find("now").children as unknown as [HTMLElement, HTMLElement];
    now.textContent = shown || "standing";
    next.textContent = coming === null ? "" : `next: ${coming || "standing"}`;
    this.describe(shown || "stands");
  }

  private endLive(live: Live, error: unknown): void {
    if (live !== this.live) return;
    this.live = null;
    this.markLive(false);
    if (error !== null) this.complain(error);
  }

  private markLive(on: boolean): void {
    press(find("live"), on);
    find("now").hidden = !on;
    find("make").textContent = on ? "Do it" : "Make it move";
  }

  private begun(take: Take): void {
    this.take = take;
    this.page.say("");
    const button = find<HTMLButtonElement>("make");
    button.textContent = "Stop";
    button.classList.add("stop");
    find<HTMLProgressElement>("progress").value = 0;
    find("progress").hidden = false;
  }

  private ended(take: Take): void {
    if (this.take !== take) return;
    this.take = null;
    const button = find<HTMLButtonElement>("make");
    button.textContent = "Make it move";
    button.classList.remove("stop");
    find("progress").hidden = true;
  }

  /** Put the clips of a take onto the stage, once all of them are announced. */
  private async put(take: Take): Promise<void> {
    if (take.parts.some((part) => part.clip === null)) return;
    const actors = await Promise.all(
      take.parts.map(async (part, i) => {
        const casting = await this.casting(part.clip!, i);
        return new Actor(part.clip!, casting, new THREE.Color(COLOURS[i]), part.label);
      }),
    );
    this.perform(actors);
  }

  private perform(actors: Actor[]): void {
    this.stage.cast(actors);
    this.player.load(actors.map((actor) => actor.clip));
    for (const actor of actors) actor.arrived();
    this.offerParts();
    this.select(0);
    this.page.notice(actors.find((actor) => actor.clip.licenceNotice)?.clip.licenceNotice ?? "");
  }

  private grew(take: Take, part: Part): void {
    if (take !== this.take) return;
    if (part.clip?.complete) this.stage.actors.find((actor) => actor.clip === part.clip)?.arrived();
    this.transport.grew();
    this.stage.redraw();
  }

  private async casting(clip: Clip, i: number): Promise<Casting> {
    const { character } = this;
    if (character && clip.skeleton.names.length === character.file.skeleton.names.length) return characterCasting(character.file, character.bones);
    return mannequinCasting(clip.skeleton, await this.wardrobe.skin(clip.skeleton), this.stage.body, new THREE.Color(COLOURS[i]));
  }

  // ------------------------------------------------------------------------------------- shown files

  private async exhibit(names: readonly string[]): Promise<void> {
    const actors = await Promise.all(names.slice(0, MOST).map((name, i) => this.open(name, i)));
    this.perform(actors);
    this.describe(names.join(", "));
    document.title = `${names[0]} on Posewire’s stage`;
  }

  private async open(name: string, index: number): Promise<Actor> {
    let header: Header | undefined;
    let clip: Clip | null = null;
    let file: Uint8Array | undefined;
    await this.connection.call({ show: { index } }, ({ generate, file: given }) => {
      file = given?.data ?? file;
      header = generate?.header ?? header;
      if (generate?.clip_start && header)
        clip = new Clip(readSkeleton(header.joints, header.root_joint, header.sole), header.fps, generate.clip_start.frames, generate.clip_start.seed, name);
      if (generate?.chunk) clip!.push(generate.chunk);
    }).done;
    const colour = new THREE.Color(COLOURS[index]);
    if (file === undefined) return new Actor(clip!, await this.casting(clip!, index), colour, name);
    const character = await readCharacter(name, file.slice().buffer);
    const baked = bakeAnimation(character);
    if (baked === null) throw new Error(`expected an animation in ${name}, found none`);
    return new Actor(baked, characterCasting(character, null), colour, name);
  }

  // ------------------------------------------------------------------------------------- characters

  /** Retarget to a character of the user's own from now on. */
  private async wear(file: File): Promise<void> {
    try {
      const character = await readCharacter(file.name, await file.arrayBuffer());
      const found = await this.connection.ask({ bones: { names: [...character.roles] } }, "bones");
      const bones = new Map(found.bones.map(({ key, value }) => [key, character.skeleton.names[character.roles.indexOf(value)]!]));
      this.character = { file: character, bones };
      this.aboutCharacter(`${file.name}: ${bones.size} bones of ${character.skeleton.names.length} move (${found.rig}).`);
      this.again();
    } catch (error) {
      this.complain(error);
    }
  }

  private undress(): void {
    this.character = null;
    this.aboutCharacter("The mannequin. Drop a GLB or VRM file anywhere to see your own.");
    this.again();
  }

  private aboutCharacter(text: string): void {
    find("character-about").textContent = text;
    find("mannequin").hidden = this.character === null;
  }

  /** The last motion, on the character of now. */
  private again(): void {
    if (this.live) return;
    if (this.made && this.form.follow(new URL(this.form.link(this.made.wish)).hash)) void this.make();
    else if (this.form.read().prompt) void this.make();
  }

  /** The character as the server retargets to it. */
  private target(): Partly<TargetSkeleton> | undefined {
    if (this.character === null) return undefined;
    const { file, bones } = this.character;
    const known = new Set(this.form.chosen?.joints.map((joint) => joint.name));
    const entries = [...bones].filter(([joint]) => known.has(joint)).map(([key, value]) => ({ key, value }));
    return { joints: writeJoints(file.skeleton), bones: entries, sole: file.skeleton.sole };
  }

  // ------------------------------------------------------------------------------------- keeping

  private offerFormats(suffixes: readonly string[]): void {
    const chips = suffixes.map((suffix) => {
      const chip = make("button", { class: "chip", type: "button", "data-suffix": suffix }, suffix.slice(1).toUpperCase());
      chip.disabled = this.stage.actors.length === 0 || !this.stage.actors[this.selected]?.clip.complete;
      chip.onclick = () => void this.save(suffix).catch((error: unknown) => this.complain(error));
      return chip;
    });
    find("formats").replaceChildren(...chips);
  }

  private async save(suffix: string): Promise<void> {
    const { clip } = this.stage.actors[this.selected]!;
    if (!clip.complete) throw new Error("expected a whole clip, found one that is still arriving");
    const prompt = this.made?.wish.prompt ?? "";
    const file = await this.connection.ask({ save: { events: clip.events(), suffix, prompt } }, "file");
    const words = (prompt || clip.model).toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "").slice(0, 60);
    const link = make("a", { download: `${words || "clip"}-${clip.seed}${suffix}` });
    link.href = URL.createObjectURL(new Blob([file.data.slice().buffer]));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  private async share(): Promise<void> {
    const link = this.form.link(this.made!.wish);
    await navigator.clipboard.writeText(link).then(
      () => this.page.say("The link is copied: prompt, seed, model and settings; no token.", "note"),
      () => this.page.say(link, "note"),
    );
  }

  private offerParts(): void {
    const { actors } = this.stage;
    const chips = actors.map((actor, i) => {
      const chip = make("button", { class: "chip", type: "button", "aria-pressed": "false" }, actor.label);
      chip.onclick = () => this.select(i);
      return chip;
    });
    find("parts").replaceChildren(...chips);
    find("parts").hidden = actors.length < 2;
  }

  private select(i: number): void {
    this.selected = i;
    const actor = this.stage.actors[i];
    [...find("parts").children].forEach((chip, k) => press(chip as HTMLElement, k === i));
    this.transport.show(actor?.clip ?? null, actor ? `#${actor.colour.getHexString()}` : "");
    for (const chip of find("formats").children) (chip as HTMLButtonElement).disabled = actor === undefined;
  }

  // ------------------------------------------------------------------------------------- the page

  private inset(): void {
    const { right, bottom } = this.page.covered;
    this.stage.inset(right, bottom);
  }

  private complain(error: unknown): void {
    if (error instanceof CallError && error.end.code === CANCELLED) return;
    this.page.say(error instanceof Error ? error.message : String(error));
  }

  /** What a screen reader says of the stage. */
  private describe(motion: string): void {
    const who = this.stage.actors.length > 1 ? `${this.stage.actors.length} characters do` : "A character does";
    find("stage").setAttribute("aria-label", `The stage. ${who}: ${motion}`);
  }

  private wireButtons(): void {
    for (const chip of find("looks").querySelectorAll<HTMLElement>("[data-look]")) chip.onclick = () => this.toggleLook(chip);
    find("reset").onclick = () => this.stage.frameAll();
    find("mannequin").onclick = () => this.undress();
    find("share").onclick = () => void this.share();
    find("model-terms").onclick = () => this.page.showTerms(this.form.chosen?.licence?.notice ?? "");
    find("live").onclick = () => this.toggleLive();
    const tick = (): void => {
      requestAnimationFrame(tick);
      this.live?.played(this.player.time);
    };
    requestAnimationFrame(tick);
  }

  private toggleLook(chip: HTMLElement): void {
    press(chip, !pressed(chip));
    const on = (look: string): boolean => pressed(find("looks").querySelector<HTMLElement>(`[data-look=${look}]`)!);
    this.stage.follow = on("follow");
    const looks: Looks = { skeleton: on("skeleton"), contacts: on("contacts"), path: on("path"), ghosts: on("ghosts") };
    this.stage.show(looks);
  }

  private wireKeys(): void {
    const look = (name: string) => () => this.toggleLook(find("looks").querySelector<HTMLElement>(`[data-look=${name}]`)!);
    const { transport } = this;
    listen({
      " ": () => transport.toggle(),
      ArrowLeft: () => transport.step(-1),
      ArrowRight: () => transport.step(1),
      Home: () => transport.seek(0),
      End: () => transport.seek(Infinity),
      "[": () => transport.changeSpeed(-1),
      "]": () => transport.changeSpeed(1),
      l: () => transport.toggleLoop(),
      v: () => this.toggleLive(),
      f: look("follow"),
      k: look("skeleton"),
      c: look("contacts"),
      p: look("path"),
      g: look("ghosts"),
      r: () => this.stage.frameAll(),
      t: () => this.page.toggleTheme(),
      s: () => this.page.togglePanel(),
      "/": () => this.form.focus(),
      "?": () => this.page.help(),
      Escape: () => this.stop(),
    });
  }
}

const app = new App();
/** For tests and the curious: the stage and the player, as they are, and what unpacking cost (ms a message). */
Object.assign(window, { posewire: { stage: app.stage, player: app.player, decoding: () => [...app.decoding] } });
