import type { Terminal } from "@xterm/xterm";
import { after } from "./events";
import { coreOf } from "./internals";

// Nothing is drawn in a tab that is hidden, and a page can be busy for long.
const SEEN_AFTER_MS = 400;

/**
 * Has a terminal draw nothing, or draw again: a long past is read in a fraction of the time. A
 * written mode would do that too, but not in the middle of a sequence, where output may be cut.
 * xterm.js draws after a second in any case.
 */
export function holdDrawing(terminal: Terminal, held: boolean): void {
  const modes = coreOf(terminal)?.coreService?.decPrivateModes;
  if (!modes || modes.synchronizedOutput === held) return;
  modes.synchronizedOutput = held;
  if (!held) terminal.refresh(0, terminal.rows - 1);
}

/** Runs `action` when what is there now was drawn and the page has time; soon in any case. */
export function onceSeen(action: () => void): void {
  let done = false;
  const run = (): void => {
    if (done) return;
    done = true;
    late.dispose();
    action();
  };
  const late = after(SEEN_AFTER_MS, run);
  requestAnimationFrame(() => {
    // Behind the frame that is drawn now. Not every browser says when it has nothing to do.
    if ("requestIdleCallback" in window) requestIdleCallback(run);
    else setTimeout(run);
  });
}
