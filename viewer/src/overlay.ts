/** What is drawn about a character: its bones, its path over the floor, where its feet stand. */

import * as THREE from "three";
import type { Clip } from "./clip.ts";
import type { Clock } from "./pose.ts";

const up = new THREE.Vector3(0, 1, 0);
const from = new THREE.Vector3();
const to = new THREE.Vector3();
const way = new THREE.Vector3();
const size = new THREE.Vector3();
const turn = new THREE.Quaternion();
const matrix = new THREE.Matrix4();

const BONE = bonePrism();
const BALL = new THREE.IcosahedronGeometry(1, 2);
const DISC = new THREE.CircleGeometry(1, 40).rotateX(-Math.PI / 2);
const PATH_WIDTH = 0.022;
const PATH_HEIGHT = 0.004;

/** A bone of length 1 along +Y, widest at an eighth. */
function bonePrism(): THREE.BufferGeometry {
  const lower = new THREE.ConeGeometry(1, 0.14, 6, 1, true).rotateX(Math.PI).translate(0, 0.07, 0);
  const upper = new THREE.ConeGeometry(1, 0.86, 6, 1, true).translate(0, 0.57, 0);
  const merged = new THREE.BufferGeometry();
  const positions: number[] = [];
  for (const part of [lower.toNonIndexed(), upper.toNonIndexed()]) positions.push(...part.getAttribute("position").array);
  merged.setAttribute("position", new THREE.Float32BufferAttribute(positions, 3));
  return merged;
}

/** Bones and joints, drawn over everything. */
export class BoneOverlay {
  readonly group = new THREE.Group();
  private readonly bones: THREE.InstancedMesh;
  private readonly balls: THREE.InstancedMesh;
  private readonly pairs: [number, number][] = [];

  constructor(
    private readonly joints: readonly THREE.Object3D[],
    parents: readonly number[],
    colour: THREE.Color,
  ) {
    parents.forEach((parent, joint) => parent >= 0 && this.pairs.push([parent, joint]));
    const line = new THREE.MeshBasicMaterial({ color: colour, depthTest: false, transparent: true, opacity: 0.75, toneMapped: false });
    const dot = new THREE.MeshBasicMaterial({ color: 0xffffff, depthTest: false, transparent: true, toneMapped: false });
    this.bones = new THREE.InstancedMesh(BONE, line, Math.max(this.pairs.length, 1));
    this.balls = new THREE.InstancedMesh(BALL, dot, joints.length);
    for (const [order, mesh] of [this.bones, this.balls].entries()) {
      mesh.frustumCulled = false;
      mesh.renderOrder = 10 + order;
      this.group.add(mesh);
    }
    this.group.visible = false;
  }

  /** Follow the joints; their world matrices must be up to date. */
  update(): void {
    this.group.updateWorldMatrix(true, false);
    for (let i = 0; i < this.pairs.length; i++) {
      const pair = this.pairs[i]!;
      from.setFromMatrixPosition(this.joints[pair[0]]!.matrixWorld);
      to.setFromMatrixPosition(this.joints[pair[1]]!.matrixWorld);
      this.group.worldToLocal(from);
      this.group.worldToLocal(to);
      const length = Math.max(way.subVectors(to, from).length(), 1e-5);
      turn.setFromUnitVectors(up, way.divideScalar(length));
      const thick = Math.min(0.022, length * 0.12);
      this.bones.setMatrixAt(i, matrix.compose(from, turn, size.set(thick, length, thick)));
    }
    for (let j = 0; j < this.joints.length; j++) {
      from.setFromMatrixPosition(this.joints[j]!.matrixWorld);
      this.group.worldToLocal(from);
      this.balls.setMatrixAt(j, matrix.makeScale(0.011, 0.011, 0.011).setPosition(from));
    }
    this.bones.instanceMatrix.needsUpdate = true;
    this.balls.instanceMatrix.needsUpdate = true;
  }

  dispose(): void {
    this.group.removeFromParent();
    for (const mesh of [this.bones, this.balls]) {
      (mesh.material as THREE.Material).dispose();
      mesh.dispose();
    }
  }
}

/** The pelvis' way over the floor, as a ribbon that grows as frames arrive. */
export class PathRibbon {
  readonly mesh: THREE.Mesh;
  private readonly positions: Float32Array;
  private readonly geometry = new THREE.BufferGeometry();
  private done = 0;
  private moves = 0;

  constructor(
    private readonly clip: Clip,
    colour: THREE.Color,
  ) {
    this.positions = new Float32Array(clip.frames * 6);
    const index = new Uint32Array(Math.max(clip.frames - 1, 0) * 6);
    for (let i = 0; i + 1 < clip.frames; i++) index.set([2 * i, 2 * i + 1, 2 * i + 2, 2 * i + 1, 2 * i + 3, 2 * i + 2], 6 * i);
    this.geometry.setAttribute("position", new THREE.BufferAttribute(this.positions, 3));
    this.geometry.setIndex(new THREE.BufferAttribute(index, 1));
    const material = new THREE.MeshBasicMaterial({ color: colour, transparent: true, opacity: 0.7, side: THREE.DoubleSide, depthWrite: false });
    this.mesh = new THREE.Mesh(this.geometry, material);
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = 1;
  }

  /** Draw what has arrived since the last time. */
  grow(): void {
    const { root, ready, moves } = this.clip;
    if (ready === this.done && moves === this.moves) return;
    if (moves !== this.moves) this.done = 0;
    this.moves = moves;
    for (let i = Math.max(this.done - 1, 0); i < ready; i++) {
      const a = Math.max(i - 1, 0) * 3;
      const b = Math.min(i + 1, ready - 1) * 3;
      let x = root[b + 2]! - root[a + 2]!;
      let z = root[a]! - root[b]!;
      const length = Math.hypot(x, z);
      x = length > 1e-5 ? x / length : 1;
      z = length > 1e-5 ? z / length : 0;
      const half = PATH_WIDTH / 2;
      for (let side = 0; side < 2; side++) {
        const sign = side ? half : -half;
        const at = 6 * i + 3 * side;
        this.positions[at] = root[3 * i]! + x * sign;
        this.positions[at + 1] = PATH_HEIGHT;
        this.positions[at + 2] = root[3 * i + 2]! + z * sign;
      }
    }
    this.done = ready;
    this.geometry.setDrawRange(0, Math.max(ready - 1, 0) * 6);
    this.geometry.getAttribute("position").needsUpdate = true;
  }

  dispose(): void {
    this.mesh.removeFromParent();
    this.geometry.dispose();
    (this.mesh.material as THREE.Material).dispose();
  }
}

/** Discs under heels and toes that stand on the floor. */
export class ContactDiscs {
  readonly group = new THREE.Group();
  private readonly discs: THREE.Mesh<THREE.BufferGeometry, THREE.MeshBasicMaterial>[];

  /** `feet` are the joints of the clip's contact bits, in their order. */
  constructor(
    private readonly feet: readonly (THREE.Object3D | undefined)[],
    colour: THREE.Color,
  ) {
    this.discs = feet.map((_, i) => {
      const material = new THREE.MeshBasicMaterial({ color: colour, transparent: true, opacity: 0, depthWrite: false });
      const disc = new THREE.Mesh(DISC, material);
      disc.scale.setScalar(i % 2 ? 0.062 : 0.075);
      disc.renderOrder = 2;
      this.group.add(disc);
      return disc;
    });
  }

  /** Show the contacts of a frame, fading, under the joints' world positions. */
  update(clip: Clip, clock: Clock): void {
    const frame = Math.min(Math.max(Math.round(clock.time * clip.fps), 0), Math.max(clip.ready - 1, 0));
    const bits = clip.ready ? clip.contacts[frame]! : 0;
    this.group.updateWorldMatrix(true, false);
    for (let i = 0; i < this.discs.length; i++) {
      const joint = this.feet[i];
      const { material, position } = this.discs[i]!;
      const stands = joint !== undefined && (bits & (1 << i)) !== 0;
      material.opacity += ((stands ? 0.85 : 0) - material.opacity) * 0.35;
      if (!stands) continue;
      from.setFromMatrixPosition(joint.matrixWorld);
      this.group.worldToLocal(from);
      position.set(from.x, 0.006 + 0.001 * i, from.z);
    }
  }

  dispose(): void {
    this.group.removeFromParent();
    for (const disc of this.discs) disc.material.dispose();
  }
}
