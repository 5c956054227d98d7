import { iconButton } from "./dom";
import type { Block, BlockState, Role } from "./protocol";

/** Whether a block's recording is shown now. */
export function plays({ last }: BlockState): boolean {
  return last?.state === "recorded" && last.endedAt === undefined;
}

/** The button that answers a block from its recording, and ends that. */
export class RecordingButton {
  readonly element = iconButton("film", "Show the recording", "icon-button block-recording");
  readonly #block: Block;

  constructor(block: Block, pressed: () => void) {
    this.#block = block;
    this.element.onclick = pressed;
    this.element.hidden = true;
  }

  /** Shows the button where a recording can help, and where it is one. */
  paint(state: BlockState, role: Role): void {
    const needed = ["running", "failed", "sent", "recorded"].includes(state.last?.state ?? "");
    this.element.hidden = !this.#block.recorded || !needed || role === "viewer";
    const label = plays(state) ? "End the recording" : "Show the recording";
    this.element.title = label;
    this.element.setAttribute("aria-label", label);
    this.element.setAttribute("aria-pressed", String(plays(state)));
  }
}
