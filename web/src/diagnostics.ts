import { element, icon } from "./dom";
import { sentence, withCode } from "./notices";
import type { Diagnostic } from "./protocol";
import { recall, remember } from "./storage";

const STATE_KEY = "katahost.problems";

/** Counts problems, as people say it. */
function problems(count: number): string {
  return count === 1 ? "1 problem" : `${count} problems`;
}

/** The icon and the word for how bad problems are: as bad as the worst of them. */
function severityOf(found: Diagnostic[]): "error" | "warning" {
  return found.some(({ severity }) => severity === "error") ? "error" : "warning";
}

/** Has a block's mark say what is wrong with it, and lead to the first of it. */
export function markProblems(
  mark: HTMLElement,
  found: Diagnostic[],
  reveal: (found: Diagnostic) => void,
): void {
  const [first] = found;
  mark.hidden = first === undefined;
  if (first === undefined) return;
  mark.dataset.severity = severityOf(found);
  mark.replaceChildren(icon(severityOf(found)), problems(found.length));
  mark.onclick = () => reveal(first);
}

/** What is wrong with a step, above it, for its author. */
export class DiagnosticsPanel {
  readonly element = element("details", { class: "problems", hidden: true });
  readonly #entries = new Map<Diagnostic, HTMLElement>();
  #step = "";
  #spoken = "";

  constructor() {
    this.element.open = recall(STATE_KEY) !== "closed";
    this.element.addEventListener("toggle", () => {
      remember(STATE_KEY, this.element.open ? "open" : "closed");
    });
  }

  /** How it stands now, in a short sentence; empty where there is nothing to say. */
  get spoken(): string {
    return this.#spoken;
  }

  show(step: string, found: Diagnostic[]): void {
    const had = this.#entries.size > 0 && step === this.#step;
    this.#step = step;
    this.#entries.clear();
    for (const one of found) this.#entries.set(one, this.#entry(one));
    this.element.hidden = found.length === 0;
    this.#spoken = had ? "No problems any more." : "";
    if (found.length === 0) {
      this.element.replaceChildren();
      return;
    }
    const own = found.filter(({ file }) => file === `${step}.md`).length;
    const others = found.length - own;
    const counts: string[] = [];
    if (own > 0) counts.push(`${problems(own)} in this step`);
    if (others > 0) counts.push(`${problems(others)} in the lab as a whole`);
    const count = counts.join(", ");
    this.#spoken = `${count}.`;
    this.element.replaceChildren(
      element(
        "summary",
        {},
        icon(severityOf(found)),
        element(
          "span",
          { class: "problems-count" },
          count,
          element("span", { class: "problems-reader" }, " – only you, the author, see this"),
        ),
        icon("chevron"),
      ),
      element("ul", { class: "problems-list" }, ...this.#entries.values()),
    );
    this.element.dataset.severity = severityOf(found);
  }

  /** Brings the entry of a problem before the reader. */
  reveal(found: Diagnostic): void {
    this.element.open = true;
    const entry = this.#entries.get(found);
    entry?.scrollIntoView({ block: "nearest" });
    entry?.focus({ preventScroll: true });
  }

  #entry({ severity, message, hint, file, line, column }: Diagnostic): HTMLElement {
    const place = [file, line, column].filter((part) => part !== undefined).join(":");
    const text = element("p", { class: "problem-message" });
    text.append(...withCode(sentence(message)));
    const advice = element("p", { class: "note-hint" });
    if (hint) advice.append(...withCode(sentence(hint)));
    return element(
      "li",
      { class: "problem", "data-severity": severity, tabindex: "-1" },
      element(
        "p",
        { class: "problem-head" },
        icon(severity === "error" ? "error" : "warning"),
        element("strong", {}, severity === "error" ? "Error" : "Warning"),
        element("span", { class: "problem-place" }, place),
      ),
      text,
      hint ? advice : null,
    );
  }
}
