import { element, icon } from "./dom";
import { withCode } from "./notices";
import type { Page, StepProgress, Waits } from "./protocol";

/** Several names as one reads them: "a, b and c". */
function listed(names: string[]): string {
  const last = names.at(-1) ?? "";
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${last}` : last;
}

/** How far the lab is, as the server tells it: which steps were seen, and what the way on waits for. */
export class Way {
  #steps = new Map<string, StepProgress>();

  begin(steps: StepProgress[]): void {
    this.#steps = new Map(steps.map((step) => [step.step, step]));
  }

  take(step: StepProgress): void {
    this.#steps.set(step.step, step);
  }

  at(step: string): StepProgress | null {
    return this.#steps.get(step) ?? null;
  }

  /** What a new step waits for while `step` is shown. */
  waits(step: string): Waits[] {
    return this.at(step)?.waits ?? [];
  }

  /** Whether `target` can't be shown yet from `step`. */
  locks(target: string, step: string): boolean {
    if (target === step || this.#steps.has(target)) return false;
    const isBehind = this.at(step)?.before?.includes(target) ?? false;
    return !isBehind && this.waits(step).length > 0;
  }

  /** Why the way on is locked, as a message with literals in backticks. */
  reason(step: string): string {
    const waits = this.waits(step);
    const verb = waits.length === 1 ? "is" : "are";
    return `the next step opens when ${listed(waits.map(({ name }) => name))} ${verb} done`;
  }
}

/** Shows on a page which of its links are locked, and why. */
export class Locks {
  // In the page's own root, where the links that it describes can name it.
  readonly #reason = element("p", { id: "katahost-locked", class: "note note-locked" });
  readonly #way: Way;

  constructor(way: Way) {
    this.#way = way;
  }

  /** Marks the links of a page anew; `holds` says whether anybody is held here. */
  paint(content: HTMLElement, { step, ways = [] }: Page, holds: boolean): void {
    let locked = false;
    for (const { link, step: target } of ways) {
      const isLocked = holds && this.#way.locks(target, step);
      locked ||= isLocked;
      for (const found of content.querySelectorAll<HTMLElement>(`a[data-link="${link}"]`)) {
        this.#mark(found, isLocked);
      }
    }
    this.#reason.remove();
    if (!locked) return;
    const [first = "", ...rest] = this.#way.reason(step);
    this.#reason.replaceChildren(
      icon("lock"),
      element("span", {}, ...withCode(`${first.toUpperCase()}${rest.join("")}.`)),
    );
    content.append(this.#reason);
  }

  #mark(link: HTMLElement, locked: boolean): void {
    if (locked === link.hasAttribute("data-locked")) return;
    link.toggleAttribute("data-locked", locked);
    if (locked) {
      link.setAttribute("aria-disabled", "true");
      link.setAttribute("aria-describedby", this.#reason.id);
      link.append(icon("lock"));
    } else {
      link.removeAttribute("aria-disabled");
      link.removeAttribute("aria-describedby");
      link.querySelector(".icon-lock")?.remove();
    }
  }
}
