/** A clip's figure drawn with strokes on a flat canvas: the floor, the path, a shadow, the bones. Knows no document. */

import type { Clip } from "../clip.ts";
import { Pose, type Clock } from "../pose.ts";
import { Bones } from "./bones.ts";

const PITCH = 0.2;
/** Frames before and after, over which the camera's place is averaged: it follows without shaking. */
const CALM = 4;
/** The floor is drawn so far around the figure, in cells of half a metre. */
const CELLS = 4;
const ACCENT = "rgba(222,104,58,.75)";
/** A grown person, metres: what the head is drawn for. */
const PERSON = 1.7;

type Pen = CanvasRenderingContext2D;

export class Sketch {
  private readonly pose: Pose;
  private readonly bones: Bones;
  /** Joints that hang on another one, those farthest from the eye first. */
  private readonly order: number[];
  /** Right, down and back of each joint as seen, and of its place on the floor. */
  private readonly seen: Float32Array;
  private readonly fallen: Float32Array;
  private readonly spot = new Float32Array(3);
  private readonly centre = new Float32Array(2);
  private readonly height: number;
  private cos = 1;
  private sin = 0;
  private scale = 1;

  /** `head` is the joint that a ball is drawn for; the clip must have arrived. */
  constructor(
    private readonly pen: Pen,
    private readonly clip: Clip,
    private readonly head: number,
  ) {
    const joints = clip.skeleton.parents.length;
    this.pose = new Pose(joints);
    this.bones = new Bones(clip.skeleton);
    this.order = clip.skeleton.parents.flatMap((parent, joint) => (parent >= 0 ? [joint] : []));
    this.seen = new Float32Array(3 * joints);
    this.fallen = new Float32Array(3 * joints);
    this.height = Math.max(0.2, this.reach());
  }

  /** Draw the pose of a time, seen from an angle around it, in radians. */
  draw(clock: Clock, yaw: number): void {
    this.take(clock);
    this.aim(clock, yaw);
    const { size } = this;
    this.pen.clearRect(0, 0, size, size);
    this.pen.lineCap = "round";
    this.drawFloor();
    this.drawPath(clock);
    this.drawShadow();
    this.drawBones();
    this.drawHead();
  }

  private get size(): number {
    return this.pen.canvas.width;
  }

  private take(clock: Clock): void {
    this.pose.take(this.clip, clock);
    this.bones.place(this.pose);
  }

  /** How high the figure reaches in all of the clip. */
  private reach(): number {
    let height = 0;
    for (let frame = 0; frame < this.clip.ready; frame++) {
      this.take({ time: frame / this.clip.fps });
      for (let i = 1; i < this.bones.points.length; i += 3) height = Math.max(height, this.bones.points[i]!);
    }
    return height;
  }

  /** Look at where the pelvis stands around a time, and see the joints from there. */
  private aim(clock: Clock, yaw: number): void {
    const { clip, centre, bones } = this;
    const at = clock.time * clip.fps;
    const first = Math.floor(at);
    centre.fill(0);
    let weights = 0;
    for (let frame = first - CALM; frame <= first + CALM + 1; frame++) {
      const near = 3 * Math.min(Math.max(frame, 0), clip.ready - 1);
      const weight = Math.max(0, CALM + 1 - Math.abs(frame - at));
      centre[0]! += weight * clip.root[near]!;
      centre[1]! += weight * clip.root[near + 2]!;
      weights += weight;
    }
    centre[0]! /= weights;
    centre[1]! /= weights;
    this.cos = Math.cos(yaw);
    this.sin = Math.sin(yaw);
    this.scale = (this.size * 0.66) / this.height;
    for (let i = 0; i < bones.points.length; i += 3) {
      this.project(bones.points[i]!, bones.points[i + 1]!, bones.points[i + 2]!, this.seen, i);
      this.project(bones.points[i]!, 0, bones.points[i + 2]!, this.fallen, i);
    }
  }

  private project(x: number, y: number, z: number, into: Float32Array, to: number): void {
    const { size, scale, cos, sin } = this;
    const dx = x - this.centre[0]!;
    const dz = z - this.centre[1]!;
    const back = sin * dx + cos * dz;
    into[to] = size / 2 + scale * (cos * dx - sin * dz);
    into[to + 1] = size * 0.86 - scale * (y * Math.cos(PITCH) - back * Math.sin(PITCH));
    into[to + 2] = back;
  }

  private drawFloor(): void {
    const { pen } = this;
    const [x, z] = this.centre as unknown as [number, number];
    const reach = CELLS / 2;
    pen.lineWidth = this.size / 400;
    for (let k = -CELLS; k <= CELLS; k++) {
      const gx = (Math.round(x * 2) + k) / 2;
      const gz = (Math.round(z * 2) + k) / 2;
      pen.strokeStyle = `rgba(120,116,108,${0.34 * (1 - Math.abs(k) / (CELLS + 1))})`;
      pen.beginPath();
      this.go(gx, z - reach, false);
      this.go(gx, z + reach, true);
      this.go(x - reach, gz, false);
      this.go(x + reach, gz, true);
      pen.stroke();
    }
  }

  private drawPath(clock: Clock): void {
    const { clip, pen } = this;
    pen.strokeStyle = ACCENT;
    pen.lineWidth = this.size / 130;
    pen.beginPath();
    const last = Math.min(Math.floor(clock.time * clip.fps), clip.ready - 1);
    for (let frame = 0; frame <= last; frame++) this.go(clip.root[3 * frame]!, clip.root[3 * frame + 2]!, frame > 0);
    this.go(this.pose.root[0]!, this.pose.root[2]!, true);
    pen.stroke();
  }

  /** Move the pen to a place on the floor, drawing or not. */
  private go(x: number, z: number, draws: boolean): void {
    this.project(x, 0, z, this.spot, 0);
    if (draws) this.pen.lineTo(this.spot[0]!, this.spot[1]!);
    else this.pen.moveTo(this.spot[0]!, this.spot[1]!);
  }

  private drawShadow(): void {
    const { pen, size } = this;
    pen.strokeStyle = "rgba(70,72,92,.16)";
    pen.lineWidth = size / 34;
    for (const joint of this.order) this.stroke(this.fallen, joint);
  }

  /** Near bones over far ones, each with a rim, lighter the nearer it is. */
  private drawBones(): void {
    const { pen, size } = this;
    this.order.sort((a, b) => this.depth(a) - this.depth(b));
    for (const joint of this.order) {
      const light = 52 + 11 * Math.max(-1, Math.min(1, this.depth(joint)));
      pen.strokeStyle = `hsl(220 26% ${light - 20}%)`;
      pen.lineWidth = size / 21;
      this.stroke(this.seen, joint);
      pen.strokeStyle = `hsl(220 34% ${light}%)`;
      pen.lineWidth = size / 27;
      this.stroke(this.seen, joint);
    }
  }

  private depth(joint: number): number {
    return this.seen[3 * joint + 2]! + this.seen[3 * this.clip.skeleton.parents[joint]! + 2]!;
  }

  private stroke(places: Float32Array, joint: number): void {
    const parent = this.clip.skeleton.parents[joint]!;
    this.pen.beginPath();
    this.pen.moveTo(places[3 * parent]!, places[3 * parent + 1]!);
    this.pen.lineTo(places[3 * joint]!, places[3 * joint + 1]!);
    this.pen.stroke();
  }

  private drawHead(): void {
    const { pen, seen, head, size } = this;
    const unit = (this.scale * this.height) / PERSON;
    pen.fillStyle = "hsl(220 34% 58%)";
    pen.strokeStyle = "hsl(220 26% 34%)";
    pen.lineWidth = size / 200;
    pen.beginPath();
    pen.arc(seen[3 * head]!, seen[3 * head + 1]! - 0.09 * unit, 0.105 * unit, 0, 7);
    pen.fill();
    pen.stroke();
  }
}
