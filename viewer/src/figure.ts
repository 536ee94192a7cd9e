/** A character that can be posed: joints in a scene, and the skin they carry. */

import * as THREE from "three";
import type { Clip, Skeleton } from "./clip.ts";
import type { Body } from "./messages.gen.ts";
import { Pose, type Clock } from "./pose.ts";

const before = new THREE.Quaternion();
const place = new THREE.Vector3();
const inverse = new THREE.Matrix4();

export class Figure {
  private readonly taken: Pose;

  /** `joints` stand in the order of the clip's; `group` holds them all, in the world of the actor. */
  constructor(
    readonly group: THREE.Group,
    readonly joints: readonly THREE.Object3D[],
    readonly skeleton: Skeleton,
    /** Their geometry is shared with other figures; their materials are their own. */
    readonly meshes: readonly THREE.SkinnedMesh[],
  ) {
    this.taken = new Pose(joints.length);
  }

  /** Take the pose of a time. Allocates nothing. */
  pose(clip: Clip, clock: Clock): void {
    this.taken.take(clip, clock);
    for (let j = 0; j < this.joints.length; j++) this.joints[j]!.quaternion.fromArray(this.taken.rotations, 4 * j);
    this.placePelvis(place.fromArray(this.taken.root));
  }

  /** Put the pelvis to a place in the actor's world, whatever stands above it in the rig. */
  private placePelvis(where: THREE.Vector3): void {
    const pelvis = this.joints[this.skeleton.pelvis]!;
    const parent = pelvis.parent!;
    if (parent !== this.group) {
      parent.updateWorldMatrix(true, false);
      inverse.copy(parent.matrixWorld).invert();
      where.applyMatrix4(this.group.matrixWorld).applyMatrix4(inverse);
    }
    pelvis.position.copy(where);
  }

  dispose(): void {
    this.group.removeFromParent();
    for (const mesh of this.meshes) {
      mesh.skeleton.dispose();
      for (const material of [mesh.material].flat()) material.dispose();
    }
  }
}

/** The skin that the server made for a skeleton. */
export function bodyGeometry(body: Body, skeleton: Skeleton): THREE.BufferGeometry {
  const geometry = new THREE.BufferGeometry();
  const weights = body.weights.slice();
  const joints = new Uint16Array(body.joints.slice().buffer);
  geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(body.positions.slice().buffer), 3));
  geometry.setAttribute("normal", new THREE.BufferAttribute(new Float32Array(body.normals.slice().buffer), 3));
  geometry.setAttribute("skinIndex", new THREE.BufferAttribute(joints, 4));
  geometry.setAttribute("skinWeight", new THREE.BufferAttribute(weights, 4, true));
  geometry.setAttribute("seam", new THREE.BufferAttribute(seams(joints, weights, skeleton), 1));
  geometry.setIndex(new THREE.BufferAttribute(new Uint32Array(body.triangles.slice().buffer), 1));
  return geometry;
}

const TRUNK = /^(pelvis|spine\d?|chest|[lr]_(collar|hip))$/i;
const HEAD = /^(neck|head)$/i;

/** How much of a joint a vertex is, 0 to 1: where limbs meet, it follows two bones alike. Trunk and head have no joints. */
function seams(joints: Uint16Array, weights: Uint8Array, skeleton: Skeleton): Float32Array {
  const part = skeleton.names.map((name, j) => (TRUNK.test(name) ? -1 : HEAD.test(name) ? -2 : j));
  const found = new Float32Array(weights.length / 4);
  for (let v = 0; v < found.length; v++) {
    const within = part[joints[4 * v]!] === part[joints[4 * v + 1]!];
    found[v] = within ? 0 : Math.min((2 * weights[4 * v + 1]!) / 255, 1);
  }
  return found;
}

/** The mannequin's two colours: of its body, which all share, and of its joints. */
export function bodyMaterial(body: THREE.IUniform<THREE.Color>, seam: THREE.Color): THREE.MeshPhysicalMaterial {
  const material = new THREE.MeshPhysicalMaterial({ roughness: 0.55, clearcoat: 0.25, clearcoatRoughness: 0.5 });
  material.onBeforeCompile = (shader) => {
    Object.assign(shader.uniforms, { bodyColour: body, seamColour: { value: seam } });
    shader.vertexShader = shader.vertexShader
      .replace("#include <common>", "#include <common>\nattribute float seam;\nvarying float vSeam;")
      .replace("#include <begin_vertex>", "#include <begin_vertex>\nvSeam = seam;");
    shader.fragmentShader = shader.fragmentShader
      .replace("#include <common>", "#include <common>\nvarying float vSeam;\nuniform vec3 bodyColour;\nuniform vec3 seamColour;")
      .replace("#include <color_fragment>", "diffuseColor.rgb = mix(bodyColour, seamColour, smoothstep(0.62, 0.76, vSeam));");
  };
  return material;
}

/** A figure of a skeleton, with a skin around it. */
export function makeFigure(skeleton: Skeleton, geometry: THREE.BufferGeometry, material: THREE.Material): Figure {
  const group = new THREE.Group();
  const turns = restGlobals(skeleton);
  const bones = skeleton.names.map((name, j) => {
    const bone = new THREE.Bone();
    bone.name = name;
    const parent = skeleton.parents[j]!;
    restPosition(skeleton, j, bone.position);
    if (parent >= 0) {
      bone.position.sub(restPosition(skeleton, parent, place)).applyQuaternion(before.copy(turns[parent]!).invert());
    }
    bone.quaternion.fromArray(skeleton.rotations, 4 * j);
    return bone;
  });
  bones.forEach((bone, j) => (skeleton.parents[j]! < 0 ? group : bones[skeleton.parents[j]!]!).add(bone));
  const inverses = bones.map((_, j) =>
    new THREE.Matrix4().compose(restPosition(skeleton, j, new THREE.Vector3()), turns[j]!, new THREE.Vector3(1, 1, 1)).invert(),
  );
  const mesh = new THREE.SkinnedMesh(geometry, material);
  mesh.bind(new THREE.Skeleton(bones, inverses), new THREE.Matrix4());
  mesh.frustumCulled = false;
  mesh.castShadow = true;
  mesh.receiveShadow = true;
  group.add(mesh);
  return new Figure(group, bones, skeleton, [mesh]);
}

function restPosition(skeleton: Skeleton, joint: number, into: THREE.Vector3): THREE.Vector3 {
  return into.fromArray(skeleton.positions, 3 * joint);
}

function restGlobals(skeleton: Skeleton): THREE.Quaternion[] {
  const turns: THREE.Quaternion[] = [];
  skeleton.names.forEach((_, j) => {
    const turn = new THREE.Quaternion().fromArray(skeleton.rotations, 4 * j);
    const parent = skeleton.parents[j]!;
    turns.push(parent >= 0 ? turn.premultiply(turns[parent]!) : turn);
  });
  return turns;
}
