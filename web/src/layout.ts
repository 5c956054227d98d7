import { Divider } from "./dividers";
import { element, icon, required } from "./dom";
import type { KeyBar } from "./keybar";
import type { Pane } from "./pane";
import { recall, remember } from "./storage";

const NARROW = window.matchMedia("(max-width: 799px)");
const TOUCH = window.matchMedia("(pointer: coarse)");
// A narrow window of a computer without a touch screen has all keys, and no height to spare.
const TOUCHABLE = window.matchMedia("(any-pointer: coarse)");
const FIRST_PERCENT = 46;
const LEAST_PX = 300;

/** Steps left and terminals right; in a narrow window one at a time, with a row of tabs. */
export class Layout {
  readonly #workspace = required("workspace");
  readonly #steps = required("steps");
  readonly #tabs = required("tabs");
  readonly #key: string;
  readonly #divider: Divider;
  #panes: readonly Pane[] = [];
  #shown: Pane | null = null;
  // The pane that the keys of the bar go to in a wide window.
  #used: Pane | null = null;
  readonly #keys: KeyBar;

  constructor(key: string, keys: KeyBar) {
    this.#key = key;
    this.#keys = keys;
    // A step without links and blocks has nothing to focus, and is to be scrolled by keys too.
    this.#steps.tabIndex = 0;
    const width = (): number => this.#workspace.clientWidth || 1;
    this.#divider = new Divider("x", "Border between steps and terminals", {
      position: () => this.#steps.offsetWidth,
      move: (start, delta) => {
        const most = width() - LEAST_PX;
        const pixels = Math.max(LEAST_PX, Math.min(start + delta, most));
        this.#split((pixels / width()) * 100);
      },
      range: () => {
        const min = (LEAST_PX / width()) * 100;
        return { now: (this.#steps.offsetWidth / width()) * 100, min, max: 100 - min };
      },
      done: () => remember(this.#key, this.#workspace.style.getPropertyValue("--split")),
      reset: () => this.#split(FIRST_PERCENT),
    });
    this.#steps.after(this.#divider.element);
    const stored = Number.parseFloat(recall(key) ?? "");
    this.#split(Number.isFinite(stored) ? stored : FIRST_PERCENT);
    this.#divider.describe();
    NARROW.addEventListener("change", () => this.#apply());
    TOUCH.addEventListener("change", () => this.#apply());
    TOUCHABLE.addEventListener("change", () => this.#apply());
  }

  /** Makes a tab for each terminal; the one that is shown stays so, if it is among them. */
  setPanes(panes: readonly Pane[]): void {
    this.#panes = panes;
    const known = (pane: Pane | null): Pane | null => panes.find((one) => one === pane) ?? null;
    this.#shown = known(this.#shown);
    this.#used = known(this.#used);
    this.#apply();
  }

  /** Shows a terminal, or the steps for null, where there is room for one only. */
  show(pane: Pane | null): void {
    this.#shown = pane;
    this.#apply();
  }

  /** Notes the terminal that the keyboard is in. */
  use(pane: Pane): void {
    this.#used = pane;
    this.#offerKeys();
  }

  #offerKeys(): void {
    const touched = TOUCH.matches ? this.#used : null;
    const shown = TOUCHABLE.matches ? this.#shown : null;
    const pane = NARROW.matches ? shown : touched;
    this.#keys.setTerminal(pane?.terminal ?? null);
  }

  #split(percent: number): void {
    const bounded = Math.max(15, Math.min(percent, 85));
    this.#workspace.style.setProperty("--split", `${bounded.toFixed(2)}%`);
  }

  #apply(): void {
    const narrow = NARROW.matches;
    document.body.classList.toggle("narrow", narrow);
    this.#workspace.classList.toggle("shows-terminal", narrow && this.#shown !== null);
    for (const pane of this.#panes) pane.setShown(!narrow || pane === this.#shown);
    this.#offerKeys();
    this.#tabs.hidden = !narrow;
    if (!narrow) return;
    this.#tabs.replaceChildren(
      this.#tab(null, "Steps"),
      ...this.#panes.map((pane) => this.#tab(pane, pane.name)),
    );
    this.#tabs.querySelector("[aria-current]")?.scrollIntoView({ inline: "nearest" });
  }

  #tab(pane: Pane | null, name: string): HTMLElement {
    const current = pane === this.#shown;
    const tab = element(
      "button",
      { type: "button", class: "tab", "aria-current": current && "true" },
      icon(pane ? "terminal" : "steps"),
      name,
    );
    tab.onclick = () => {
      this.show(pane);
      // The tabs are made anew, this one too.
      if (pane) pane.terminal.focus();
      else this.#steps.focus({ preventScroll: true });
    };
    return tab;
  }
}
