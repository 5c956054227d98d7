import { element, icon, required } from "./dom";
import { listen } from "./events";
import type { StepInfo } from "./protocol";
import type { Visits } from "./visits";
import type { Way } from "./way";

const collator = new Intl.Collator("en", { numeric: true });

/** `intro` first, then the folder's own steps, those of its folders, and the end last. */
function rank(step: string): number {
  if (step === "intro") return 0;
  if (step === "finish") return 3;
  return step.includes("/") ? 2 : 1;
}

/** As people count: `step2` before `step10`. */
function byPlace({ step: a }: StepInfo, { step: b }: StepInfo): number {
  return rank(a) - rank(b) || collator.compare(a, b);
}

/** The list of all steps, which opens from the bar: where one is, and where one was. */
export class StepList {
  readonly #button = required("step-menu");
  readonly #list = required("step-list");
  readonly #visits: Visits;
  readonly #way: Way;
  readonly #load: (step: string) => void;
  #driver = false;
  #steps: StepInfo[] = [];
  #step = "";

  constructor(visits: Visits, way: Way, load: (step: string) => void) {
    this.#visits = visits;
    this.#way = way;
    this.#load = load;
    listen<KeyboardEvent>(this.#list, "keydown", (event) => this.#key(event));
    listen<ToggleEvent>(this.#list, "toggle", ({ newState }) => {
      if (newState === "open") this.#focusCurrent();
    });
  }

  setSteps(steps: StepInfo[]): void {
    this.#steps = steps.toSorted(byPlace);
    const focused = this.#list.contains(document.activeElement);
    this.#paint();
    if (focused) this.#focusCurrent();
  }

  /** Who owns the lab is held by what steps require, and may keep how far it is. */
  setDriver(driver: boolean): void {
    if (driver === this.#driver) return;
    this.#driver = driver;
    this.progressed();
  }

  /** Shows anew how far the lab is, while somebody may look at the list. */
  progressed(): void {
    const focused = this.#items.findIndex((item) => item.matches(":focus"));
    this.#paint();
    this.#items[focused]?.focus();
  }

  /** Marks the step that is shown. Its page may have another title than when the list was made. */
  setStep(step: string, title: string): void {
    this.#step = step;
    for (const known of this.#steps) if (known.step === step) known.title = title;
    this.#paint();
  }

  get #items(): HTMLElement[] {
    return [...this.#list.querySelectorAll<HTMLElement>(".menu-item")];
  }

  #focusCurrent(): void {
    const current = this.#items.find((item) => item.hasAttribute("aria-current"));
    (current ?? this.#items[0])?.focus();
  }

  #key(event: KeyboardEvent): void {
    const items = this.#items;
    const at = items.findIndex((item) => item.matches(":focus"));
    const places: Record<string, number> = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at + items.length - 1) % items.length,
      Home: 0,
      End: items.length - 1,
    };
    const place = places[event.key];
    if (place === undefined) return;
    event.preventDefault();
    items[place]?.focus();
  }

  #paint(): void {
    // The one step is worth a list where it is not the one that is shown, as without an `intro`.
    const elsewhere = this.#steps.some(({ step }) => step !== this.#step);
    this.#button.hidden = !elsewhere;
    const items = this.#steps.map((step) => this.#item(step));
    if (this.#driver) items.push(this.#download());
    this.#list.replaceChildren(...items);
  }

  /** How far the lab is, as a file. */
  #download(): HTMLElement {
    const link = element(
      "a",
      { class: "step-download", href: "progress.json", download: "progress.json" },
      "Save the progress (JSON)",
    );
    return element("li", { class: "step-end" }, link);
  }

  /** What is to be said of a step that was seen or can't be: as words, and whether it is done. */
  #standing(step: string): { done: boolean; locked: boolean; words: string } {
    const seen = this.#way.at(step);
    const locked = this.#driver && this.#way.locks(step, this.#step);
    if (!seen) return { done: true, locked, words: locked ? "locked" : "" };
    const { checks, passed, required, done } = seen;
    const words = checks > 0 ? `${passed} of ${checks} ${checks === 1 ? "check" : "checks"}` : "";
    return { done: done >= required, locked, words };
  }

  #item({ step, title }: StepInfo): HTMLElement {
    const current = step === this.#step;
    const { done, locked, words } = this.#standing(step);
    const visited = this.#visits.visited(step) || this.#way.at(step) !== null;
    const mark = visited && !current && done ? icon("check") : null;
    const button = element(
      "button",
      {
        type: "button",
        class: "menu-item step",
        "data-step": step,
        "data-visited": visited,
        "data-open": visited && !done,
        "aria-disabled": locked && "true",
        "aria-current": current && "step",
      },
      element("span", { class: "step-mark" }, locked ? icon("lock") : mark),
      element("span", { class: "step-label" }, title),
      title !== step ? element("span", { class: "step-name" }, step) : null,
      visited && !current ? element("span", { class: "visually-hidden" }, ", visited") : null,
      words ? element("span", { class: "step-checks" }, words) : null,
      visited && !done ? element("span", { class: "visually-hidden" }, ", not all done") : null,
    );
    button.onclick = () => {
      this.#list.hidePopover();
      this.#load(step);
    };
    return element("li", {}, button);
  }
}
