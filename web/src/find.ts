import type { SearchAddon } from "@xterm/addon-search";
import { element, iconButton } from "./dom";

const DECORATIONS = {
  matchBackground: "#5b4b1e",
  matchOverviewRuler: "#8a6d1c",
  activeMatchBackground: "#b8860b",
  activeMatchColorOverviewRuler: "#e0a82e",
};

/** The small box that searches one terminal. */
export class FindBox {
  readonly element: HTMLElement;
  readonly #input: HTMLInputElement;
  readonly #search: SearchAddon;
  readonly #closed: () => void;

  constructor(search: SearchAddon, name: string, closed: () => void) {
    this.#search = search;
    this.#closed = closed;
    const label = `Find in ${name}`;
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
      { class: "find", role: "search", hidden: true },
      this.#input,
      count,
      previous,
      next,
      close,
    );
    this.#input.oninput = () => this.#find(1, true);
    this.#input.onkeydown = (event) => {
      if (event.key === "Enter") this.#find(event.shiftKey ? -1 : 1, false);
      else if (event.key === "Escape") this.hide();
      else return;
      event.preventDefault();
    };
    previous.onclick = () => this.#find(-1, false);
    next.onclick = () => this.#find(1, false);
    close.onclick = () => this.hide();
    search.onDidChangeResults(({ resultIndex, resultCount }) => {
      const none = this.#input.value ? "none" : "";
      count.textContent = resultCount > 0 ? `${resultIndex + 1} of ${resultCount}` : none;
    });
  }

  show(): void {
    this.element.hidden = false;
    this.#input.select();
    this.#input.focus();
  }

  hide(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.#search.clearDecorations();
    this.#closed();
  }

  #find(direction: 1 | -1, incremental: boolean): void {
    const options = { decorations: DECORATIONS, incremental };
    if (!this.#input.value) this.#search.clearDecorations();
    else if (direction > 0) this.#search.findNext(this.#input.value, options);
    else this.#search.findPrevious(this.#input.value, options);
  }
}
