import { element, required } from "./dom";
import { type Disposable, listen } from "./events";
import { KEY_NAMES, KEYS, type Key } from "./keys";
import type { Terminal } from "./terminal";

/** A row of the keys that a touch keyboard lacks, for the terminal in use. */
export class KeyBar {
  readonly #bar = required("keys");
  readonly #control: HTMLButtonElement;
  #terminal: Terminal | null = null;
  #watch: Disposable | null = null;

  constructor() {
    this.#control = this.#button("Ctrl", "Ctrl, for the next key", () => this.#toggleControl());
    this.#bar.replaceChildren();
    for (const key of KEYS) {
      this.#bar.append(this.#button(key, KEY_NAMES[key], () => this.#press(key)));
      if (key === "Tab") this.#bar.append(this.#control);
    }
    this.#paint();
    // A touch must not take the focus, or the keyboard of the phone would fold away.
    listen(this.#bar, "pointerdown", (event) => event.preventDefault());
  }

  /** Says which terminal the keys go to; null where none is seen. */
  setTerminal(terminal: Terminal | null): void {
    if (terminal === this.#terminal) return;
    this.#watch?.dispose();
    this.#terminal?.holdControl(false);
    this.#terminal = terminal;
    this.#watch = terminal?.onControl.on(() => this.#paint()) ?? null;
    this.#bar.hidden = terminal === null;
    this.#paint();
  }

  #button(text: string, name: string, action: () => void): HTMLButtonElement {
    const button = element("button", { type: "button", class: "key", "aria-label": name }, text);
    button.onclick = action;
    return button;
  }

  #press(key: Key): void {
    this.#terminal?.press(key);
    this.#terminal?.focus();
  }

  #toggleControl(): void {
    this.#terminal?.holdControl(!this.#terminal.controlHeld);
    this.#terminal?.focus();
  }

  #paint(): void {
    this.#control.setAttribute("aria-pressed", String(this.#terminal?.controlHeld ?? false));
  }
}
