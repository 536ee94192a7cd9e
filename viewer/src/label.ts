/** A character's name, written on the floor in front of it. */

import * as THREE from "three";

const WIDTH = 512;
const HEIGHT = 96;
const METRES = 1.2;

export type Label = THREE.Mesh<THREE.PlaneGeometry, THREE.MeshBasicMaterial>;

export function floorLabel(text: string, colour: THREE.Color, x: number): Label {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const pen = canvas.getContext("2d")!;
  pen.font = "600 44px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = `#${colour.getHexString()}`;
  pen.fillText(text, WIDTH / 2, HEIGHT / 2, WIDTH - 16);
  const map = new THREE.CanvasTexture(canvas);
  map.colorSpace = THREE.SRGBColorSpace;
  map.anisotropy = 8;
  const material = new THREE.MeshBasicMaterial({ map, transparent: true, depthWrite: false, toneMapped: false });
  const mesh = new THREE.Mesh(new THREE.PlaneGeometry(METRES, (METRES * HEIGHT) / WIDTH).rotateX(-Math.PI / 2), material);
  mesh.position.set(x, 0.005, 0.75);
  mesh.renderOrder = 1;
  return mesh;
}

export function disposeLabel(label: Label): void {
  label.removeFromParent();
  label.geometry.dispose();
  label.material.map?.dispose();
  label.material.dispose();
}
