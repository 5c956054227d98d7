import { copyText, tellCopied } from "./clipboard";
import { element, required } from "./dom";
import { announce } from "./notices";
import type { Terminal } from "./terminal";

type Part = "last" | "all";

const FULL_SCREEN = "A program has the whole screen, so this is what it shows.";
const NO_LAST =
  "This is everything that is kept. No single command can be shown: none has run yet, or this tab did not see where the last one began.";

const RECORDED = "This is no longer in the terminal. It was read from the lab's recording.";

/** What a terminal shows as plain text, to be read, selected and copied like any other. */
export class TextView {
  readonly #dialog = required<HTMLDialogElement>("text-view");
  readonly #heading = element("h2", { id: "text-view-title" });
  readonly #text = element("pre", { class: "text-view-text", tabindex: "0", role: "region" });
  readonly #parts: Record<Part, HTMLButtonElement>;
  readonly #choices: HTMLElement;
  readonly #why = element("p", { class: "text-view-why" });
  readonly #again: HTMLButtonElement;
  #terminal: Terminal | null = null;
  #part: Part = "last";

  constructor() {
    const choice = (part: Part, label: string): HTMLButtonElement => {
      const button = element("button", { type: "button", class: "choice" }, label);
      button.onclick = () => this.#choose(part);
      return button;
    };
    this.#parts = { last: choice("last", "Last command"), all: choice("all", "Everything") };
    const button = (label: string, action: () => void): HTMLButtonElement => {
      const made = element("button", { type: "button", class: "button" }, label);
      made.onclick = action;
      return made;
    };
    const copy = button("Copy", () => this.#copy(copy));
    this.#again = button("Read again", () => this.#read());
    this.#choices = element(
      "div",
      { class: "choices", role: "group", "aria-label": "What to read" },
      this.#parts.last,
      this.#parts.all,
    );
    this.#dialog.replaceChildren(
      this.#heading,
      this.#choices,
      this.#why,
      this.#text,
      element(
        "div",
        { class: "dialog-buttons" },
        copy,
        this.#again,
        button("Close", () => this.#dialog.close()),
      ),
    );
    this.#dialog.onclose = () => {
      this.#text.textContent = "";
      this.#terminal?.focus();
      this.#terminal = null;
    };
  }

  show(terminal: Terminal, name: string): void {
    this.#terminal = terminal;
    this.#heading.textContent = `Text of ${name}`;
    this.#text.setAttribute("aria-label", `Text of ${name}`);
    this.#part = "last";
    this.#again.hidden = false;
    this.#read();
    this.#dialog.showModal();
    this.#text.focus();
  }

  /** Shows text that no terminal has any more. */
  showText(heading: string, text: string): void {
    this.#heading.textContent = heading;
    this.#text.setAttribute("aria-label", heading);
    this.#choices.hidden = true;
    this.#again.hidden = true;
    this.#why.hidden = false;
    this.#why.textContent = RECORDED;
    this.#text.textContent = text || "Nothing was printed.";
    this.#dialog.showModal();
    this.#text.focus();
  }

  #choose(part: Part): void {
    this.#part = part;
    this.#read();
  }

  #read(): void {
    const terminal = this.#terminal;
    if (!terminal) return;
    const last = terminal.lastOutput();
    this.#choices.hidden = last === null;
    this.#why.hidden = last !== null;
    this.#why.textContent = terminal.fullScreen ? FULL_SCREEN : NO_LAST;
    const part = last === null ? "all" : this.#part;
    for (const [name, button] of Object.entries(this.#parts)) {
      button.setAttribute("aria-pressed", String(name === part));
    }
    const text = part === "last" ? last : terminal.text();
    this.#text.textContent = text || "Nothing was printed yet.";
    // What was printed last is what is asked for.
    this.#text.scrollTop = part === "all" ? this.#text.scrollHeight : 0;
    const lines = text ? text.split("\n").length : 0;
    const why = this.#why.hidden ? "" : this.#why.textContent;
    announce(`${lines === 1 ? "1 line" : `${lines} lines`}. ${why}`.trim());
  }

  #copy(button: HTMLElement): void {
    const tell = (copied: boolean): void => tellCopied(button, copied);
    // A modal dialog keeps the rest of the page from being selected, and so from being copied.
    copyText(this.#text.textContent, this.#dialog).then(tell, () => tell(false));
  }
}
