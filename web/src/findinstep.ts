import { required } from "./dom";
import { listen } from "./events";
import { FindBox } from "./find";
import { PageFinder } from "./pagefinder";

/** The box above the step that finds words in it, and the keys that open it. */
export class FindInStep {
  readonly #box: FindBox;
  readonly #finder: PageFinder;
  readonly #turnToSteps: () => void;

  constructor(content: () => HTMLElement, turnToSteps: () => void) {
    this.#turnToSteps = turnToSteps;
    const steps = required("steps");
    this.#finder = new PageFinder(content, steps);
    this.#box = new FindBox(this.#finder, "Find in this step", () => steps.focus());
    this.#box.element.classList.add("find-page");
    steps.before(this.#box.element);
    listen<KeyboardEvent>(document, "keydown", (event) => {
      if (event.defaultPrevented || event.code !== "KeyF") return;
      if (!event.ctrlKey || !event.shiftKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.show();
    });
  }

  show(): void {
    this.#turnToSteps();
    this.#box.show();
  }

  /** Finds again, in another step. */
  again(): void {
    this.#box.again();
  }

  /** Finds again, in a step that was saved while it is read. */
  refresh(): void {
    this.#finder.refresh();
  }
}
