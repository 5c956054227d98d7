import type { Terminal } from "@xterm/xterm";
import { coreOf } from "./internals";

const CANCEL = Uint8Array.of(0x18);

/**
 * Has a terminal parse `bytes` before this returns, where nothing waits to be parsed. xterm.js
 * itself does that later and in pieces, between which a person may see and type.
 */
export function parseNow(terminal: Pick<Terminal, "write">, bytes: Uint8Array): void {
  const parser = coreOf(terminal)?._inputHandler;
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

/** Writes into a terminal, later and in pieces as xterm.js does it, or at once. */
export class Writer {
  readonly #terminal: Pick<Terminal, "write">;
  #atOnce = false;

  constructor(terminal: Pick<Terminal, "write">) {
    this.#terminal = terminal;
  }

  /** Whether what is written is parsed before anything else happens. */
  get atOnce(): boolean {
    return this.#atOnce;
  }

  write(bytes: Uint8Array, parsed: () => void): void {
    if (!this.#atOnce) {
      this.#terminal.write(bytes, parsed);
      return;
    }
    parseNow(this.#terminal, bytes);
    parsed();
  }

  /** Has what `work` writes parsed before this returns, where nothing waits to be parsed. */
  doAtOnce(work: () => void): void {
    this.#atOnce = true;
    try {
      work();
    } finally {
      this.#atOnce = false;
    }
  }
}
