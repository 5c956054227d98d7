import { element } from "./dom";
import type { Block, StepProgress } from "./protocol";

/** What a step requires of a block, as the block's card says it: a mark, and a way past it. */
export class Requirement {
  readonly mark = element("span", { class: "block-required", hidden: true });
  readonly skip = element("button", {
    type: "button",
    class: "block-skip",
    hidden: true,
  });
  readonly #block: Block;
  #waits = false;

  constructor(block: Block, skip: () => void) {
    this.#block = block;
    this.skip.textContent = block.kind === "check" ? "Skip this check" : "Skip this block";
    this.skip.onclick = skip;
  }

  /** Whether the way on waits for the block. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Says how it stands; `mayAct` is whether this client may skip. */
  paint(progress: StepProgress | null, mayAct: boolean): void {
    const { index, required } = this.#block;
    const skipped = progress?.skipped.includes(index) ?? false;
    const waits = progress?.waits.some(({ block }) => block === index) ?? false;
    this.#waits = waits;
    this.mark.hidden = required === undefined || !(waits || skipped);
    this.mark.textContent = skipped ? "skipped" : "required";
    this.mark.title = skipped
      ? "You went on without it"
      : "The way to the next step waits for this";
    this.skip.hidden = required !== "skippable" || !waits || !mayAct;
  }
}
