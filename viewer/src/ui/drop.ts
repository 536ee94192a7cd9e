/** Files that are dropped onto the page, or chosen. */

import { find } from "./dom.ts";

export function listenForFiles(take: (file: File) => void): void {
  const veil = find("drop");
  const picker = find<HTMLInputElement>("file");
  let depth = 0;
  const show = (step: number): void => {
    depth = Math.max(depth + step, 0);
    veil.hidden = depth === 0;
  };
  addEventListener("dragenter", () => show(1));
  addEventListener("dragleave", () => show(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    const [file] = event.dataTransfer?.files ?? [];
    if (file) take(file);
  });
  find("choose").onclick = () => picker.click();
  picker.onchange = () => {
    const [file] = picker.files ?? [];
    if (file) take(file);
    picker.value = "";
  };
}
