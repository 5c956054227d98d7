import type { Terminal } from "@xterm/xterm";

/** What of xterm.js 6 parses; the headless build has it, too. */
interface Internals {
  _core?: { _inputHandler?: { parse?(bytes: Uint8Array): unknown } };
}

const CANCEL = Uint8Array.of(0x18);

/**
 * Has a terminal parse `bytes` before this returns, where nothing waits to be parsed. xterm.js
 * itself does that later and in pieces, between which a person may see and type.
 */
export function parseNow(terminal: Pick<Terminal, "write">, bytes: Uint8Array): void {
  const parser = (terminal as Internals)._core?._inputHandler;
  if (parser?.parse) parser.parse(bytes);
  else terminal.write(bytes);
}

/**
 * Makes a terminal as it was when it was new. Its own reset leaves a sequence or a character that
 * is not finished, and that would swallow what is written next (CAN, ECMA-48).
 */
export function startAnew(terminal: Pick<Terminal, "write" | "reset">): void {
  parseNow(terminal, CANCEL);
  terminal.reset();
}
