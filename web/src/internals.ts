/** What the page needs of xterm.js 6 that no interface of it offers; there may be less of it. */
interface Core {
  coreService?: {
    /** Whether a program has asked to draw nothing for now (mode 2026). */
    decPrivateModes?: { synchronizedOutput?: boolean };
  };
  /** What parses: `write` calls it later, piece by piece. */
  _inputHandler?: { parse?(data: string | Uint8Array, result?: boolean): unknown };
}

/** What is inside a terminal; the headless build has it, too. */
export function coreOf(terminal: object): Core | undefined {
  return (terminal as { _core?: Core })._core;
}
