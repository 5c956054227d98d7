import { element } from "./dom";
import { type Disposable, Disposables, listen } from "./events";

const STEP_PX = 24;
const LARGE_STEP_PX = 96;

/** What a divider moves. */
export interface DividerTarget {
  /** Moves the border by pixels from where it was when the drag began. */
  move(start: number, delta: number): void;
  /** Where the border is, in pixels. */
  position(): number;
  /** Where the border is and may be, in percent, for people who do not see it. */
  range(): { now: number; min: number; max: number };
  /** The drag is over. */
  done(): void;
  /** Puts the border where it is at first. */
  reset(): void;
}

/** A border between two panes that a pointer or the arrow keys move. */
export class Divider implements Disposable {
  readonly element: HTMLElement;
  readonly #axis: "x" | "y";
  readonly #target: DividerTarget;
  readonly #parts = new Disposables();

  constructor(axis: "x" | "y", label: string, target: DividerTarget) {
    this.#axis = axis;
    this.#target = target;
    this.element = element("div", {
      class: `divider divider-${axis}`,
      role: "separator",
      tabindex: "0",
      "aria-label": label,
      "aria-orientation": axis === "x" ? "vertical" : "horizontal",
    });
    this.#parts.add(listen<PointerEvent>(this.element, "pointerdown", (e) => this.#drag(e)));
    this.#parts.add(listen<KeyboardEvent>(this.element, "keydown", (e) => this.#key(e)));
    this.#parts.add(listen(this.element, "dblclick", () => this.#commit(() => target.reset())));
  }

  setLabel(label: string): void {
    this.element.setAttribute("aria-label", label);
  }

  /** Tells assistive technology where the border is now. */
  describe(): void {
    const { now, min, max } = this.#target.range();
    this.element.setAttribute("aria-valuenow", String(Math.round(now)));
    this.element.setAttribute("aria-valuemin", String(Math.round(min)));
    this.element.setAttribute("aria-valuemax", String(Math.round(max)));
  }

  dispose(): void {
    this.#parts.dispose();
    this.element.remove();
  }

  #commit(change: () => void): void {
    change();
    this.#target.done();
    this.describe();
  }

  #drag(down: PointerEvent): void {
    if (down.button !== 0) return;
    down.preventDefault();
    this.element.focus();
    this.element.setPointerCapture(down.pointerId);
    this.element.classList.add("dragging");
    const start = this.#target.position();
    const at = (event: PointerEvent): number =>
      this.#axis === "x" ? event.clientX : event.clientY;
    const origin = at(down);
    const drag = new Disposables();
    drag.add(
      listen<PointerEvent>(this.element, "pointermove", (event) =>
        this.#target.move(start, at(event) - origin),
      ),
    );
    drag.add(
      listen(this.element, "lostpointercapture", () => {
        drag.dispose();
        this.element.classList.remove("dragging");
        this.#commit(() => undefined);
      }),
    );
  }

  #key(event: KeyboardEvent): void {
    const [less, more] =
      this.#axis === "x" ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    const step = event.shiftKey ? LARGE_STEP_PX : STEP_PX;
    const far = 100_000;
    const deltas: Record<string, number> = { [less]: -step, [more]: step, Home: -far, End: far };
    const delta = deltas[event.key];
    if (delta === undefined) return;
    event.preventDefault();
    this.#commit(() => this.#target.move(this.#target.position(), delta));
  }
}
