import { element, icon, required } from "./dom";
import { listen } from "./events";
import type { Progress } from "./progress";
import type { StepInfo } from "./protocol";

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
  readonly #progress: Progress;
  readonly #load: (step: string) => void;
  #steps: StepInfo[] = [];
  #step = "";

  constructor(progress: Progress, load: (step: string) => void) {
    this.#progress = progress;
    this.#load = load;
    listen<KeyboardEvent>(this.#list, "keydown", (event) => this.#key(event));
    listen<ToggleEvent>(this.#list, "toggle", ({ newState }) => {
      if (newState === "open") this.#focusCurrent();
    });
  }

  setLab(steps: StepInfo[]): void {
    this.#steps = steps.toSorted(byPlace);
    this.#paint();
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
    this.#list.replaceChildren(...this.#steps.map((step) => this.#item(step)));
  }

  #item({ step, title }: StepInfo): HTMLElement {
    const current = step === this.#step;
    const visited = this.#progress.visited(step);
    const button = element(
      "button",
      {
        type: "button",
        class: "menu-item step",
        "data-step": step,
        "data-visited": visited,
        "aria-current": current && "step",
      },
      element("span", { class: "step-mark" }, visited && !current ? icon("check") : null),
      element("span", { class: "step-label" }, title),
      title !== step ? element("span", { class: "step-name" }, step) : null,
      visited && !current ? element("span", { class: "visually-hidden" }, ", visited") : null,
    );
    button.onclick = () => {
      this.#list.hidePopover();
      this.#load(step);
    };
    return element("li", {}, button);
  }
}
