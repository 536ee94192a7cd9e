/** Who plays a clip: the mannequin that the server makes for its skeleton, or a character of the user's own. */

import * as THREE from "three";
import type { Casting } from "./actor.ts";
import { castCharacter, type Character } from "./character.ts";
import { writeJoints, type Skeleton } from "./clip.ts";
import type { Connection } from "./connection.ts";
import { bodyGeometry, bodyMaterial, makeFigure } from "./figure.ts";

const GHOST = 0.16;
const FEET = ["L_Ankle", "L_Foot", "R_Ankle", "R_Foot"];

/** Bones of a character by the joint that each plays. */
export type BoneMap = ReadonlyMap<string, string>;

/** Makes mannequins; keeps each skeleton's skin. */
export class Wardrobe {
  private readonly skins = new Map<string, Promise<THREE.BufferGeometry>>();

  constructor(private readonly connection: Connection) {}

  /** The skin of a skeleton, from the server the first time. */
  skin(skeleton: Skeleton): Promise<THREE.BufferGeometry> {
    const key = `${skeleton.names.join()} ${skeleton.positions.join()} ${skeleton.sole}`;
    let made = this.skins.get(key);
    if (made === undefined) {
      made = this.make(skeleton);
      this.skins.set(key, made);
      made.catch(() => this.skins.delete(key));
    }
    return made;
  }

  private async make(skeleton: Skeleton): Promise<THREE.BufferGeometry> {
    const ask = { joints: writeJoints(skeleton), root_joint: skeleton.pelvis, sole: skeleton.sole };
    const body = await this.connection.ask({ body: ask }, "body");
    return bodyGeometry(body, skeleton);
  }
}

/** The mannequin, its joints in a colour. */
export function mannequinCasting(
  skeleton: Skeleton,
  skin: THREE.BufferGeometry,
  body: THREE.IUniform<THREE.Color>,
  colour: THREE.Color,
): Casting {
  return {
    figure: () => makeFigure(skeleton, skin, bodyMaterial(body, colour)),
    ghost: () => {
      const material = new THREE.MeshStandardMaterial({ color: colour, transparent: true, opacity: GHOST, depthWrite: false, roughness: 0.9 });
      const figure = makeFigure(skeleton, skin, material);
      for (const mesh of figure.meshes) mesh.castShadow = false;
      return figure;
    },
    feet: FEET.map((name) => skeleton.names.indexOf(name)),
  };
}

/** The user's own character. */
export function characterCasting(character: Character, bones: BoneMap | null): Casting {
  return {
    figure: () => castCharacter(character),
    ghost: () => castCharacter(character, GHOST),
    feet: FEET.map((name) => character.skeleton.names.indexOf(bones?.get(name) ?? name)),
  };
}
