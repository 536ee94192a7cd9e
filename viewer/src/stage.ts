/** The stage: light, floor, camera, and the loop that draws. Knows actors, not where they come from. */

import * as THREE from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import type { Actor, Looks } from "./actor.ts";
import { disposeLabel, floorLabel, type Label } from "./label.ts";
import type { Player } from "./player.ts";

const PALETTES = {
  dark: { back: 0x16181d, floor: 0x3a3f4a, line: 0x6b7180, body: 0xd8d2c6, sky: 0xaebbd6, ground: 0x3b3430, key: 3.1, fill: 1.0, rim: 2.2 },
  light: { back: 0xe9e6e0, floor: 0xd9d4cb, line: 0xa79f92, body: 0x47506a, sky: 0xffffff, ground: 0xcdbfae, key: 2.4, fill: 2.0, rim: 1.6 },
};
export type Theme = keyof typeof PALETTES;

export const COLOURS = [0xf2784b, 0x4f8ef7, 0x2fb58a, 0xb57bee];
/** Distance between characters that stand side by side, metres: arms may be spread. */
const SPACING = 1.8;
/** The nearest of a row looks larger than those in its middle, and stands farther from it. */
const NEARER = 1.1;
/** What one person takes on the screen, with air around, metres. */
const PERSON_WIDTH = 1.9;
const PERSON_HEIGHT = 2.75;
/** From whom is looked at to the camera. */
const VIEW = new THREE.Vector3(0.42, 0.16, 0.9).normalize();
/** Shares of the screen's pixels to draw while things move, on machines that can't keep up with all of them. */
const QUALITIES = [1, 0.7, 0.5];
/** A frame that takes longer than this is late, seconds; after so many late ones the next share is taken. */
const LATE = 0.045;
const PATIENCE = 12;
const FLOOR = 40;
const SAMPLES = 600;

const centre = new THREE.Vector3();
const one = new THREE.Vector3();
const step = new THREE.Vector3();

export class Stage {
  readonly scene = new THREE.Scene();
  readonly camera = new THREE.PerspectiveCamera(32, 1, 0.1, 120);
  readonly controls: OrbitControls;
  actors: Actor[] = [];
  follow = true;
  /** The colour of all mannequins. */
  readonly body: THREE.IUniform<THREE.Color> = { value: new THREE.Color() };
  /** What applying poses cost in the last frames, milliseconds. */
  readonly applied = new Float32Array(SAMPLES);
  frames = 0;
  private readonly renderer: THREE.WebGLRenderer;
  private readonly key = new THREE.DirectionalLight(0xfff1e0, 2.4);
  private readonly rim = new THREE.DirectionalLight(0xbcd0ff, 1.1);
  private readonly fill = new THREE.HemisphereLight();
  private readonly floor: THREE.Mesh<THREE.PlaneGeometry, THREE.MeshStandardMaterial>;
  private readonly lines: { back: THREE.IUniform<THREE.Color>; line: THREE.IUniform<THREE.Color>; middle: THREE.IUniform<THREE.Vector3> };
  private readonly labels: Label[] = [];
  private readonly watched = new THREE.Vector3(0, 0.9, 0);
  private looks: Looks = { skeleton: false, contacts: true, path: true, ghosts: false };
  private theme: Theme = "dark";
  private covered = { right: 0, bottom: 0 };
  private dirty = true;
  private last = 0;
  private late = 0;
  private quality = 0;
  private ratio = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly player: Player,
  ) {
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, powerPreference: "high-performance" });
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = THREE.PCFShadowMap;
    this.renderer.toneMapping = THREE.NeutralToneMapping;
    this.lines = {
      back: { value: new THREE.Color() },
      line: { value: new THREE.Color() },
      middle: { value: this.watched },
    };
    this.floor = makeFloor(this.lines);
    this.light();
    this.scene.add(this.floor);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.maxPolarAngle = Math.PI / 2 - 0.03;
    this.controls.minDistance = 1.2;
    this.controls.maxDistance = 18;
    this.controls.enableDamping = true;
    this.controls.addEventListener("change", () => (this.dirty = true));
    this.paint("dark");
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
    this.frameAll();
    this.renderer.setAnimationLoop((now) => this.tick(now));
  }

  /** Put actors on the stage in place of those who stand there. */
  cast(actors: Actor[]): void {
    const asMany = actors.length === this.actors.length;
    for (const actor of this.actors) actor.dispose();
    this.actors = actors;
    for (const label of this.labels.splice(0)) disposeLabel(label);
    actors.forEach((actor, i) => {
      const x = (i - (actors.length - 1) / 2) * SPACING;
      actor.group.position.x = x;
      actor.show(this.looks);
      this.scene.add(actor.group);
      if (actors.length > 1) this.labels.push(floorLabel(actor.label, actor.colour, x));
    });
    if (this.labels.length) this.scene.add(...this.labels);
    if (asMany) this.watch(this.average(centre), true);
    else this.frameAll();
    this.redraw();
  }

  /** Choose what is drawn besides the bodies. */
  show(looks: Looks): void {
    this.looks = looks;
    for (const actor of this.actors) actor.show(looks);
    this.redraw();
  }

  /** Draw the next frame, though nothing moves. */
  redraw(): void {
    this.dirty = true;
  }

  /** Pixels at the right and the bottom that the page covers: what is looked at stands in the middle of the rest. */
  inset(right: number, bottom: number): void {
    this.covered = { right, bottom };
    this.resize();
  }

  /** Look at everybody from the front, near enough to fill what isn't covered. */
  frameAll(): void {
    const { clientWidth, clientHeight } = this.canvas;
    const wide = Math.max(this.actors.length - 1, 0) * SPACING * NEARER + PERSON_WIDTH;
    const free = Math.max(clientHeight - this.covered.bottom, 1);
    const height = Math.max(PERSON_HEIGHT, (wide * free) / Math.max(clientWidth - this.covered.right, 1));
    const angle = THREE.MathUtils.degToRad(this.camera.fov);
    const distance = (height * clientHeight) / free / (2 * Math.tan(angle / 2));
    this.average(this.watched);
    this.controls.target.copy(this.watched);
    this.camera.position.copy(VIEW).multiplyScalar(distance).add(this.watched);
    this.controls.update();
    this.redraw();
  }

  /** Light or dark. */
  paint(theme: Theme): void {
    this.theme = theme;
    const palette = PALETTES[theme];
    this.scene.background = new THREE.Color(palette.back);
    this.floor.material.color.set(palette.floor);
    this.body.value.set(palette.body);
    // The grid is drawn over finished pixels: its colours stay as they are written.
    this.lines.back.value.setHex(palette.back, THREE.LinearSRGBColorSpace);
    this.lines.line.value.setHex(palette.line, THREE.LinearSRGBColorSpace);
    this.fill.color.set(palette.sky);
    this.fill.groundColor.set(palette.ground);
    this.fill.intensity = palette.fill;
    this.key.intensity = palette.key;
    this.rim.intensity = palette.rim;
    this.redraw();
  }

  get painted(): Theme {
    return this.theme;
  }

  private light(): void {
    this.key.position.set(1.7, 5.6, 2.4);
    this.key.castShadow = true;
    this.key.shadow.mapSize.set(1536, 1536);
    this.key.shadow.bias = -0.0006;
    this.key.shadow.normalBias = 0.012;
    this.key.shadow.radius = 4;
    const view = this.key.shadow.camera;
    [view.left, view.right, view.top, view.bottom, view.near, view.far] = [-4.4, 4.4, 3, -3, 0.5, 14];
    this.rim.position.set(-3, 3, -4);
    this.scene.add(this.key, this.key.target, this.rim, this.rim.target, this.fill);
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    this.ratio = 0;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    const { right, bottom } = this.covered;
    this.camera.setViewOffset(width, height, right / 2, bottom / 2, width, height);
    this.redraw();
  }

  private tick(now: number): void {
    const before = this.last;
    const seconds = Math.min((now - before) / 1000, 0.1);
    this.last = now;
    const moved = this.player.advance(seconds);
    this.controls.update();
    if (!moved && !this.dirty) return this.sharpen();
    this.dirty = false;
    this.judge(moved ? (now - before) / 1000 : 0);
    const began = performance.now();
    for (let i = 0; i < this.actors.length; i++) this.actors[i]!.update(this.player);
    this.applied[this.frames++ % SAMPLES] = performance.now() - began;
    this.track(seconds);
    this.renderer.render(this.scene, this.camera);
  }

  /** Draw fewer pixels where frames keep coming late. */
  private judge(seconds: number): void {
    this.late = seconds > LATE && seconds < 2 ? this.late + 1 : Math.max(this.late - 1, 0);
    if (this.late > PATIENCE && this.quality < QUALITIES.length - 1) {
      this.quality++;
      this.late = 0;
    }
    this.scale(QUALITIES[this.quality]!);
  }

  /** Nothing moves any more: draw all pixels, once. */
  private sharpen(): void {
    if (this.ratio === 0 || this.quality === 0 || this.ratio === Math.min(devicePixelRatio, 2)) return;
    this.scale(1);
    this.renderer.render(this.scene, this.camera);
  }

  private scale(share: number): void {
    const ratio = Math.min(devicePixelRatio, 2) * share;
    if (ratio === this.ratio) return;
    this.ratio = ratio;
    this.renderer.setPixelRatio(ratio);
  }

  /** The light goes where the actors go, and the camera if it shall. */
  private track(seconds: number): void {
    this.average(centre).sub(this.watched).multiplyScalar(1 - Math.exp(-6 * seconds)).add(this.watched);
    this.watch(centre, this.follow);
    for (const light of [this.key, this.rim]) {
      light.position.add(one.subVectors(this.watched, light.target.position));
      light.target.position.copy(this.watched);
    }
    this.floor.position.set(this.watched.x, 0, this.watched.z);
    if (step.lengthSq() > 1e-8) this.dirty = true;
  }

  /** Watch another place; the camera goes along or stays. */
  private watch(place: THREE.Vector3, along: boolean): void {
    step.subVectors(place, this.watched);
    this.watched.copy(place);
    if (!along) return;
    this.controls.target.add(step);
    this.camera.position.add(step);
  }

  /** The middle of all actors. */
  private average(into: THREE.Vector3): THREE.Vector3 {
    into.set(0, 0, 0);
    let count = 0;
    for (const actor of this.actors) {
      if (actor.clip.ready === 0) continue;
      into.add(actor.centre(one));
      count++;
    }
    return count ? into.divideScalar(count) : into.set(0, 0.9, 0);
  }
}

/** A floor with a grid that fades into the background. */
function makeFloor(uniforms: Record<string, THREE.IUniform>): THREE.Mesh<THREE.PlaneGeometry, THREE.MeshStandardMaterial> {
  const material = new THREE.MeshStandardMaterial({ roughness: 0.95, metalness: 0 });
  material.onBeforeCompile = (shader) => {
    Object.assign(shader.uniforms, uniforms);
    shader.vertexShader = shader.vertexShader
      .replace("#include <common>", "#include <common>\nvarying vec3 vFloor;")
      .replace("#include <begin_vertex>", "#include <begin_vertex>\nvFloor = (modelMatrix * vec4(position, 1.0)).xyz;");
    shader.fragmentShader = shader.fragmentShader
      .replace("#include <common>", `#include <common>\nvarying vec3 vFloor;\nuniform vec3 back;\nuniform vec3 line;\nuniform vec3 middle;${GRID}`)
      .replace("#include <dithering_fragment>", "gl_FragColor.rgb = floorColour(gl_FragColor.rgb);\n#include <dithering_fragment>");
  };
  const floor = new THREE.Mesh(new THREE.PlaneGeometry(FLOOR, FLOOR).rotateX(-Math.PI / 2), material);
  floor.receiveShadow = true;
  return floor;
}

const GRID = `
float gridLine(vec2 at, float cell, float width) {
  vec2 scaled = at / cell;
  vec2 soft = fwidth(scaled);
  vec2 near = abs(fract(scaled - 0.5) - 0.5) / max(soft, vec2(1e-5));
  float shown = 1.0 - min(min(near.x, near.y) / width, 1.0);
  return shown * (1.0 - smoothstep(0.15, 0.6, max(soft.x, soft.y)));
}
vec3 floorColour(vec3 lit) {
  float away = distance(vFloor.xz, middle.xz);
  float shown = max(gridLine(vFloor.xz, 1.0, 1.3), 0.35 * gridLine(vFloor.xz, 0.25, 1.0));
  vec3 lined = mix(lit, line, 0.55 * shown * (1.0 - smoothstep(2.0, 7.0, away)));
  return mix(lined, back, smoothstep(1.5, 9.0, away));
}`;
