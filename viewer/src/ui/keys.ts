/** Keys of the whole page; typing into a field is left alone. */

export type Keys = Readonly<Record<string, () => void>>;

const FIELDS = "input:not([type=range]), textarea, select, dialog";

export function listen(keys: Keys): void {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = event.target as Element;
    const writing = place.closest(FIELDS) !== null;
    if (writing && event.key !== "Escape") return;
    if (event.key === " " && place.closest("button, a") !== null) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act === undefined) return;
    if (event.key !== "Escape") event.preventDefault();
    act();
  });
}
