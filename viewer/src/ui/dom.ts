/** Finding and making elements. */

/** The element of the page with this id. */
export function find<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`expected an element #${id} on the page, found none`);
  return found as T;
}

/** A new element with attributes and a text or children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...inside: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}

/** Change the icon of a button. */
export function setIcon(button: HTMLElement, icon: string): void {
  button.querySelector("use")!.setAttribute("href", `#i-${icon}`);
}

export function pressed(button: HTMLElement): boolean {
  return button.getAttribute("aria-pressed") === "true";
}

export function press(button: HTMLElement, on: boolean): void {
  button.setAttribute("aria-pressed", String(on));
}
