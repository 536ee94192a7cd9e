/**
 * A character of the user's own: a GLB or VRM file, its bones as the server retargets to them, its animation.
 *
 * Bones are all nodes from the file's root down to the last joint of a skin, so that frames (rotations and one
 * position) say all there is to say. Knows no server.
 */

import * as THREE from "three";
import { GLTFLoader, type GLTF } from "three/addons/loaders/GLTFLoader.js";
import { clone } from "three/addons/utils/SkeletonUtils.js";
import { Clip, type Skeleton } from "./clip.ts";
import { Figure } from "./figure.ts";

/** A file's character, in bind pose, facing +Z. */
export interface Character {
  readonly name: string;
  readonly scene: THREE.Group;
  readonly skeleton: Skeleton;
  /** Names of the joints as VRM calls them, where the file says so; else the bones' own names. */
  readonly roles: readonly string[];
  readonly animations: readonly THREE.AnimationClip[];
}

interface VrmBones {
  humanBones: { bone: string; node: number }[] | Record<string, { node: number }>;
}

const SAMPLE_RATE = 30;
const HIPS = /^(hips?|pelvis|root_?hips?)$/i;

export async function readCharacter(name: string, data: ArrayBuffer): Promise<Character> {
  const gltf = await new GLTFLoader().parseAsync(data, "");
  const scene = new THREE.Group();
  scene.add(gltf.scene);
  scene.updateMatrixWorld(true);
  const joints = findJoints(gltf.scene);
  const roles = await findRoles(gltf, joints);
  if (facesAway(joints, roles)) gltf.scene.rotation.y += Math.PI;
  scene.updateMatrixWorld(true);
  const skeleton = readRest(scene, joints, roles);
  scene.traverse((node) => {
    if (!(node instanceof THREE.Mesh)) return;
    node.castShadow = node.receiveShadow = true;
    node.frustumCulled = false;
  });
  return { name, scene, skeleton, roles, animations: gltf.animations };
}

/** A figure of the character, with geometry and materials that all its figures share. */
export function castCharacter(character: Character, ghostly = 1): Figure {
  const group = clone(character.scene) as THREE.Group;
  const meshes: THREE.SkinnedMesh[] = [];
  group.traverse((node) => {
    if (!(node instanceof THREE.SkinnedMesh)) return;
    meshes.push(node);
    node.material = see(node.material as THREE.Material | THREE.Material[], ghostly);
    node.castShadow = ghostly === 1;
  });
  return new Figure(group, findJoints(group.children[0]!), character.skeleton, meshes);
}

/** The file's own animation as a clip; null: it has none. */
export function bakeAnimation(character: Character): Clip | null {
  const [animation] = character.animations;
  if (animation === undefined) return null;
  const group = clone(character.scene) as THREE.Group;
  const joints = findJoints(group.children[0]!);
  const { fps = SAMPLE_RATE, seed = "0", contacts = [] } = animation.userData as { fps?: number; seed?: string; contacts?: number[] };
  const frames = Math.max(Math.round(animation.duration * fps) + 1, 2);
  const clip = new Clip(character.skeleton, fps, frames, BigInt(seed), character.name);
  const mixer = new THREE.AnimationMixer(group.children[0]!);
  mixer.clipAction(animation).setLoop(THREE.LoopOnce, 1).play().clampWhenFinished = true;
  const place = new THREE.Vector3();
  for (let frame = 0; frame < frames; frame++) {
    mixer.setTime(Math.min(frame / fps, animation.duration));
    group.updateMatrixWorld(true);
    joints.forEach((joint, j) => joint.quaternion.toArray(clip.rotations, (frame * joints.length + j) * 4));
    joints[character.skeleton.pelvis]!.getWorldPosition(place).toArray(clip.root, frame * 3);
    clip.contacts[frame] = contacts[frame] ?? 0;
  }
  clip.ready = frames;
  return clip;
}

/** The name a file gave to a node, before the loader made it fit for its own paths. */
function nameOf(node: THREE.Object3D): string {
  return (node.userData.name as string | undefined) || node.name;
}

/** Every node between the root and a skin's joints, parents first. */
function findJoints(root: THREE.Object3D): THREE.Object3D[] {
  const wanted = new Set<THREE.Object3D>();
  root.traverse((node) => {
    if (!(node instanceof THREE.SkinnedMesh)) return;
    for (const bone of node.skeleton.bones)
      for (let at: THREE.Object3D | null = bone; at !== null && at !== root.parent; at = at.parent) wanted.add(at);
  });
  if (wanted.size === 0) throw new Error("expected a file with a skinned mesh, found none: export the character with its skeleton");
  const joints: THREE.Object3D[] = [];
  root.traverse((node) => wanted.has(node) && joints.push(node));
  return joints;
}

/** What each joint is called in VRM's vocabulary, where the file has one. */
async function findRoles(gltf: GLTF, joints: readonly THREE.Object3D[]): Promise<string[]> {
  const roles = joints.map(nameOf);
  const extensions = (gltf.parser.json as { extensions?: Record<string, { humanoid?: VrmBones }> }).extensions ?? {};
  const bones = (extensions.VRMC_vrm ?? extensions.VRM)?.humanoid?.humanBones;
  if (bones === undefined) return roles;
  const pairs = Array.isArray(bones)
    ? bones.map((entry) => [entry.bone, entry.node] as const)
    : Object.entries(bones).map(([bone, entry]) => [bone, entry.node] as const);
  for (const [bone, index] of pairs) {
    const node = (await gltf.parser.getDependency("node", index)) as THREE.Object3D;
    const joint = joints.indexOf(node);
    if (joint >= 0) roles[joint] = bone;
  }
  return roles;
}

/** Whether its left is at our right: VRM's older files look toward -Z. */
function facesAway(joints: readonly THREE.Object3D[], roles: readonly string[]): boolean {
  const side = (pattern: RegExp): number | undefined => {
    const joint = joints[roles.findIndex((role) => pattern.test(role.replace(/^.*:/, "")))];
    return joint?.getWorldPosition(new THREE.Vector3()).x;
  };
  const left = side(/^(left(upperarm|arm|shoulder)|(upperarm|upper_arm|clavicle)[._]l|l_shoulder)$/i);
  const right = side(/^(right(upperarm|arm|shoulder)|(upperarm|upper_arm|clavicle)[._]r|r_shoulder)$/i);
  return left !== undefined && right !== undefined && left < right;
}

function readRest(scene: THREE.Group, joints: readonly THREE.Object3D[], roles: readonly string[]): Skeleton {
  const names: string[] = [];
  for (const joint of joints) {
    const name = nameOf(joint) || "bone";
    names.push(names.includes(name) ? `${name}#${names.length}` : name);
  }
  const parents = joints.map((joint) => joints.indexOf(joint.parent!));
  const positions = new Float32Array(joints.length * 3);
  const rotations = new Float32Array(joints.length * 4);
  const place = new THREE.Vector3();
  joints.forEach((joint, j) => {
    joint.getWorldPosition(place).toArray(positions, 3 * j);
    joint.quaternion.clone().normalize().toArray(rotations, 4 * j);
  });
  const pelvis = roles.findIndex((role) => HIPS.test(role.replace(/^.*[:|_]/, "")));
  return { names, parents, positions, rotations, pelvis: Math.max(pelvis, 0), sole: new THREE.Box3().setFromObject(scene, true).min.y };
}

function see(material: THREE.Material | THREE.Material[], opacity: number): THREE.Material | THREE.Material[] {
  if (Array.isArray(material)) return material.map((each) => see(each, opacity) as THREE.Material);
  const copy = material.clone();
  if (opacity < 1) Object.assign(copy, { transparent: true, opacity, depthWrite: false });
  return copy;
}
