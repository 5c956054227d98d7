import { element, iconButton } from "./dom";
import { type Disposable, Disposables, type Emitter } from "./events";

/** Which match is the current one, from 0, and how many there are. */
export interface FindResults {
  index: number;
  count: number;
}

/** What a find box searches: a terminal, or the page. */
export interface Findable {
  readonly onResults: Emitter<FindResults>;
  /** Goes to the next match; `incremental` may stay at the current one, which grows. */
  find(text: string, direction: 1 | -1, incremental: boolean): void;
  clear(): void;
}

/** The small box that searches one terminal, or the page. */
export class FindBox implements Disposable {
  readonly element: HTMLElement;
  readonly #input: HTMLInputElement;
  readonly #target: Findable;
  readonly #closed: () => void;
  readonly #parts = new Disposables();

  constructor(target: Findable, label: string, closed: () => void) {
    this.#target = target;
    this.#closed = closed;
    this.#input = element("input", {
      type: "search",
      class: "find-input",
      placeholder: "Find",
      "aria-label": label,
      spellcheck: "false",
      autocomplete: "off",
    });
    const count = element("span", { class: "find-count", role: "status" });
    const previous = iconButton("up", "Previous match (Shift+Enter)", "icon-button");
    const next = iconButton("chevron", "Next match (Enter)", "icon-button");
    const close = iconButton("close", "Close (Escape)", "icon-button");
    this.element = element(
      "div",
      { class: "find", role: "search", "aria-label": label, hidden: true },
      this.#input,
      count,
      previous,
      next,
      close,
    );
    this.#input.oninput = () => this.#find(1, true);
    this.element.onkeydown = (event) => {
      if (event.key === "Enter" && event.target === this.#input) {
        this.#find(event.shiftKey ? -1 : 1, false);
      } else if (event.key === "Escape") this.hide();
      else return;
      event.preventDefault();
    };
    previous.onclick = () => this.#find(-1, false);
    next.onclick = () => this.#find(1, false);
    close.onclick = () => this.hide();
    this.#parts.add(
      target.onResults.on(({ index, count: all }) => {
        const none = this.#input.value ? "none" : "";
        count.textContent = all > 0 ? `${index + 1} of ${all}` : none;
      }),
    );
  }

  setLabel(label: string): void {
    this.element.setAttribute("aria-label", label);
    this.#input.setAttribute("aria-label", label);
  }

  show(): void {
    this.element.hidden = false;
    this.#input.select();
    this.#input.focus();
    this.again();
  }

  /** Searches again, from the beginning of what is searched. */
  again(): void {
    if (!this.element.hidden && this.#input.value) this.#find(1, true);
  }

  hide(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.#target.clear();
    this.#closed();
  }

  dispose(): void {
    this.#parts.dispose();
    this.element.remove();
  }

  #find(direction: 1 | -1, incremental: boolean): void {
    this.#target.find(this.#input.value, direction, incremental);
  }
}
