/** One character on the stage with its clip: body, ghosts, overlays, a name on the floor. */

import * as THREE from "three";
import type { Clip } from "./clip.ts";
import type { Figure } from "./figure.ts";
import { BoneOverlay, ContactDiscs, PathRibbon } from "./overlay.ts";
import type { Clock } from "./pose.ts";

/** What is drawn besides the body. */
export interface Looks {
  skeleton: boolean;
  contacts: boolean;
  path: boolean;
  ghosts: boolean;
}

/** Where a clip's character comes from. */
export interface Casting {
  figure(): Figure;
  /** Figures with a see-through skin, for ghosts. */
  ghost(): Figure;
  /** Contact bit -> index of a joint; -1: none. */
  feet: readonly number[];
}

const GHOSTS = 5;
const CENTRE_HEIGHT = 0.9;

export class Actor {
  readonly group = new THREE.Group();
  readonly figure: Figure;
  private readonly bones: BoneOverlay;
  private readonly path: PathRibbon;
  private readonly contacts: ContactDiscs;
  private ghosts: Figure[] = [];
  private ghostFrames = 0;
  private looks: Looks = { skeleton: false, contacts: true, path: true, ghosts: false };

  constructor(
    readonly clip: Clip,
    private readonly casting: Casting,
    readonly colour: THREE.Color,
    readonly label: string,
  ) {
    this.figure = casting.figure();
    this.bones = new BoneOverlay(this.figure.joints, this.figure.skeleton.parents, colour);
    this.path = new PathRibbon(clip, colour);
    this.contacts = new ContactDiscs(casting.feet.map((joint) => this.figure.joints[joint]), colour);
    this.group.add(this.figure.group, this.bones.group, this.path.mesh, this.contacts.group);
    this.figure.group.visible = false;
  }

  /** Choose what is drawn. */
  show(looks: Looks): void {
    this.looks = { ...looks };
    this.bones.group.visible = looks.skeleton;
    this.path.mesh.visible = looks.path;
    this.contacts.group.visible = looks.contacts;
    for (const mesh of this.figure.meshes) fade(mesh.material, looks.skeleton ? 0.42 : 1);
    this.placeGhosts();
  }

  /** Take the pose of a time. Allocates nothing. */
  update(clock: Clock): void {
    if (this.clip.ready === 0) return;
    this.figure.group.visible = true;
    this.path.grow();
    this.figure.pose(this.clip, clock);
    this.group.updateWorldMatrix(true, true);
    if (this.looks.skeleton) this.bones.update();
    if (this.looks.contacts) this.contacts.update(this.clip, clock);
  }

  /** The whole clip has arrived. */
  arrived(): void {
    if (this.clip.complete) this.placeGhosts();
  }

  /** Where it is now, in the world, at the height of the chest. */
  centre(into: THREE.Vector3): THREE.Vector3 {
    const pelvis = this.figure.joints[this.figure.skeleton.pelvis]!;
    into.setFromMatrixPosition(pelvis.matrixWorld);
    into.y = CENTRE_HEIGHT;
    return into;
  }

  dispose(): void {
    this.group.removeFromParent();
    this.bones.dispose();
    this.path.dispose();
    this.contacts.dispose();
    this.figure.dispose();
    for (const ghost of this.ghosts) ghost.dispose();
  }

  /** See-through poses at even times along the clip. */
  private placeGhosts(): void {
    const wanted = this.looks.ghosts && this.clip.complete;
    if (wanted && this.ghosts.length === 0) {
      this.ghosts = Array.from({ length: GHOSTS }, () => this.casting.ghost());
      for (const ghost of this.ghosts) this.group.add(ghost.group);
    }
    for (const [i, ghost] of this.ghosts.entries()) {
      ghost.group.visible = wanted;
      if (wanted && this.ghostFrames !== this.clip.ready) ghost.pose(this.clip, { time: (i / (GHOSTS - 1)) * this.clip.seconds });
    }
    if (wanted) this.ghostFrames = this.clip.ready;
  }
}

function fade(material: THREE.Material | THREE.Material[], opacity: number): void {
  for (const each of Array.isArray(material) ? material : [material]) {
    each.transparent = opacity < 1;
    each.opacity = opacity;
    each.depthWrite = opacity === 1;
    each.needsUpdate = true;
  }
}
