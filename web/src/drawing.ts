import type { Terminal } from "@xterm/xterm";

/** What of xterm.js 6 knows whether a program has asked to draw nothing for now (mode 2026). */
interface Internals {
  _core?: { coreService?: { decPrivateModes?: { synchronizedOutput?: boolean } } };
}

/**
 * Has a terminal draw nothing, or draw again: a long past is read in a fraction of the time. A
 * written mode would do that too, but not in the middle of a sequence, where output may be cut.
 * xterm.js draws after a second in any case.
 */
export function holdDrawing(terminal: Terminal, held: boolean): void {
  const modes = (terminal as Internals)._core?.coreService?.decPrivateModes;
  if (!modes || modes.synchronizedOutput === held) return;
  modes.synchronizedOutput = held;
  if (!held) terminal.refresh(0, terminal.rows - 1);
}
