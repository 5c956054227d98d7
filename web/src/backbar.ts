import { tellCopied } from "./clipboard";
import { element, icon } from "./dom";

/** What can be done with output that somebody came to from its block. */
interface BackTarget {
  back(): void;
  copy(): Promise<boolean>;
}

/** The small bar over a terminal that leads back to the block whose output is shown. */
export class BackBar {
  readonly element: HTMLElement;
  readonly #back = element(
    "button",
    { type: "button", class: "button button-small" },
    icon("back"),
    "Back to block",
    element("kbd", {}, "Esc"),
  );
  readonly #copy = element(
    "button",
    { type: "button", class: "button button-small" },
    "Copy output",
  );
  #target: BackTarget | null = null;

  constructor() {
    this.element = element(
      "div",
      { class: "back-bar", role: "group", hidden: true },
      this.#back,
      this.#copy,
    );
    this.#back.onclick = () => this.leave();
    this.#copy.onclick = () => this.#copyOutput();
    this.element.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      this.leave();
    };
  }

  setName(name: string): void {
    this.element.setAttribute("aria-label", `Output in ${name}`);
  }

  get shown(): boolean {
    return this.#target !== null;
  }

  show(target: BackTarget): void {
    this.#target = target;
    this.element.hidden = false;
    this.#back.focus({ preventScroll: true });
  }

  /** Goes back to the block. */
  leave(): void {
    const target = this.#target;
    this.hide();
    target?.back();
  }

  hide(): void {
    this.#target = null;
    this.element.hidden = true;
  }

  #copyOutput(): void {
    const tell = (copied: boolean): void => tellCopied(this.#copy, copied, "Output copied");
    this.#target?.copy().then(tell, () => tell(false));
  }
}
