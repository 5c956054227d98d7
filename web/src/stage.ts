import { element, required } from "./dom";
import { listen } from "./events";
import { announce } from "./notices";
import { recall, remember } from "./storage";
import { setStageScale } from "./textsize";

/** What the keys of the stage do. */
interface StageHost {
  readonly driver: boolean;
  runNext(): void;
  playRecording(): void;
  nextStep(): void;
  previousStep(): void;
  clear(): void;
}

const KEY = "katahost.presenter";
const SCALE = 1.35; // read from the last row of a seminar room
// A page is turned only at its end; before, it is scrolled by a bit less than what is seen.
const SCREEN = 0.85;

const SHORTCUTS: [string, string][] = [
  ["Ctrl+Shift+Enter", "Run the next block"],
  ["Ctrl+Shift+Space", "Show the recording of the block that ran last, or end it"],
  ["Ctrl+Shift+→", "Next step"],
  ["Ctrl+Shift+←", "Previous step"],
  ["Ctrl+Shift+L", "Clear the terminal used last"],
  ["Ctrl+Shift+F", "Find in the step, or in the terminal"],
  ["Shift+Esc", "Leave the terminal, for the block whose output it shows"],
  ["P", "Presenter layout on or off"],
  ["?", "This list"],
  ["PageDown", "In presenter layout: a screen on, then the next step"],
  ["PageUp", "In presenter layout: a screen back, then the previous step"],
  ["B or .", "In presenter layout: run the next block (a clicker's black-screen button)"],
];

/** Whether a key is somebody's text. */
function typed(event: KeyboardEvent): boolean {
  const [target] = event.composedPath();
  return (
    target instanceof Element &&
    target.closest("input, textarea, select, [contenteditable], .terminals, dialog") !== null
  );
}

/** The presenter layout, and the keys for presenting. */
export class Stage {
  readonly #host: StageHost;
  readonly #steps = required("steps");
  readonly #dialog = required<HTMLDialogElement>("shortcuts");
  readonly #choices: HTMLButtonElement[];
  #on = false;

  constructor(host: StageHost) {
    this.#host = host;
    const choice = (on: boolean): HTMLButtonElement => {
      const label = on ? "Presenting" : "Usual";
      const button = element("button", { type: "button", class: "choice" }, label);
      button.onclick = () => this.set(on);
      return button;
    };
    this.#choices = [choice(false), choice(true)];
    const layout = element(
      "div",
      { class: "choices", role: "group", "aria-label": "Layout" },
      ...this.#choices,
    );
    const keys = element("button", { type: "button", class: "choice" }, "Show");
    keys.onclick = () => this.#showShortcuts();
    const row = (label: string, control: HTMLElement): HTMLElement =>
      element(
        "div",
        { class: "view-row" },
        element("span", { class: "view-label" }, label),
        control,
      );
    keys.setAttribute("aria-label", "Show keyboard shortcuts");
    required("view-menu").prepend(row("Layout", layout), row("Keys", keys));
    listen<KeyboardEvent>(document, "keydown", (event) => this.#key(event), { capture: true });
    this.#paint();
  }

  /** Restores the layout for those who present; a phone or a viewer keeps its own. */
  begin(): void {
    if (this.#host.driver && recall(KEY) === "on") this.set(true);
  }

  set(on: boolean): void {
    if (on === this.#on) return;
    this.#on = on;
    remember(KEY, on ? "on" : "off");
    this.#paint();
    setStageScale(on ? SCALE : 1);
    announce(`Presenter layout ${on ? "on" : "off"}.`);
  }

  #paint(): void {
    document.body.classList.toggle("presenting", this.#on);
    required("page").classList.toggle("quiet", this.#on);
    for (const [index, button] of this.#choices.entries()) {
      button.setAttribute("aria-pressed", String(this.#on === (index === 1)));
    }
  }

  #key(event: KeyboardEvent): void {
    const action = this.#action(event);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    // A key that is held must not run through the lab.
    if (!event.repeat) action();
  }

  #action(event: KeyboardEvent): (() => void) | null {
    const host = this.#host;
    const { altKey, ctrlKey, metaKey, shiftKey, key, code } = event;
    // With Caps Lock, letters come large.
    const letter = key.toLowerCase();
    if (altKey || metaKey || document.querySelector("dialog[open]")) return null;
    if (ctrlKey && shiftKey && host.driver) {
      if (code === "Enter") return () => host.runNext();
      if (code === "Space") return () => host.playRecording();
      if (code === "KeyL") return () => host.clear();
      const field = event.target instanceof HTMLInputElement;
      if (code === "ArrowRight" && !field) return () => host.nextStep();
      if (code === "ArrowLeft" && !field) return () => host.previousStep();
    }
    if (ctrlKey || typed(event)) return null;
    if (key === "?") return () => this.#showShortcuts();
    if (shiftKey) return null;
    if (letter === "p" && host.driver) return () => this.set(!this.#on);
    if (!this.#on || !host.driver) return null;
    if (key === "PageDown") return () => this.#turn(1);
    if (key === "PageUp") return () => this.#turn(-1);
    if (letter === "b" || key === ".") return () => host.runNext();
    return null;
  }

  #turn(direction: 1 | -1): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#steps;
    const left = direction > 0 ? scrollHeight - clientHeight - scrollTop : scrollTop;
    if (left > 2) this.#steps.scrollBy({ top: direction * clientHeight * SCREEN });
    else if (direction > 0) this.#host.nextStep();
    else this.#host.previousStep();
  }

  #showShortcuts(): void {
    const close = element("button", { type: "button", class: "button", autofocus: true }, "Close");
    close.onclick = () => this.#dialog.close();
    const rows = SHORTCUTS.flatMap(([keys, what]) => [
      element("dt", {}, element("kbd", {}, keys)),
      element("dd", {}, what),
    ]);
    this.#dialog.replaceChildren(
      element("h2", { id: "shortcuts-title" }, "Keys"),
      element("dl", { class: "shortcuts" }, ...rows),
      element("div", { class: "dialog-buttons" }, close),
    );
    this.#dialog.showModal();
  }
}
