import type { IMarker, Terminal as Xterm } from "@xterm/xterm";

/** What is needed of xterm.js; the headless build has it, too. */
export type PlacesTerminal = Pick<Xterm, "buffer" | "registerMarker">;

/** A row of the scrollback and the screen, counted from the first that is kept. */
export interface Row {
  row: number;
  column: number;
}

interface Place {
  offset: number;
  /** Counted from the terminal's first row, whether that is still kept or not. */
  line: number;
  column: number;
}

// More commands than 10,000 lines mostly hold.
const MOST_PLACES = 400;
// A shell's mark is shorter: what is known of it begins before it, and what it tells of behind it.
const MARK_BYTES = 256;

/**
 * Where places of the output are in the terminal, for as long as they are there.
 *
 * Each of xterm's own markers costs time whenever a line leaves the scrollback. So there is one of
 * them, at the last place, and all others are counted from it.
 */
export class Places {
  readonly #xterm: PlacesTerminal;
  #places: Place[] = [];
  #anchor: IMarker | null = null;
  #anchorLine = 0;

  constructor(xterm: PlacesTerminal) {
    this.#xterm = xterm;
  }

  /** Notes that the cursor is where the output before `offset` has ended. */
  note(offset: number): void {
    const buffer = this.#xterm.buffer.active;
    if (buffer.type === "alternate") return;
    // What is above an anchor that is gone is mostly gone, too.
    if (this.#anchor?.isDisposed) this.clear();
    const line = buffer.baseY + buffer.cursorY + this.#gone();
    this.#moveAnchor(line);
    this.#places.push({ offset, line, column: buffer.cursorX });
    this.#places.sort((one, other) => one.offset - other.offset);
    if (this.#places.length > MOST_PLACES) this.#places.shift();
  }

  /** Where the output at `offset` begins; null where that is not known, or not kept. */
  find(offset: number): Row | null {
    if (!this.#anchor || this.#anchor.isDisposed) return null;
    const place = this.#places.findLast((one) => one.offset <= offset);
    if (!place || offset - place.offset > MARK_BYTES) return null;
    const row = place.line - this.#gone();
    return row < 0 ? null : { row, column: place.column };
  }

  /** Has `resize` wrap the lines anew, and keeps track of all places over that. */
  resize(resize: () => void): void {
    const before = this.#xterm.buffer.active;
    const known = this.#anchor !== null && !this.#anchor.isDisposed && before.type === "normal";
    const cursor = before.baseY + before.cursorY;
    const gone = this.#gone();
    const kept: [Place, IMarker][] = [];
    for (const place of known ? this.#places : []) {
      const row = place.line - gone;
      const marker = row < 0 ? undefined : this.#xterm.registerMarker(row - cursor);
      if (marker) kept.push([place, marker]);
    }
    resize();
    this.clear();
    for (const [place, marker] of kept) {
      if (!marker.isDisposed) this.#places.push({ ...place, line: marker.line });
      marker.dispose();
    }
    const after = this.#xterm.buffer.active;
    if (this.#places.length > 0) this.#moveAnchor(after.baseY + after.cursorY);
  }

  /** Forgets all places. */
  clear(): void {
    this.#anchor?.dispose();
    this.#anchor = null;
    this.#anchorLine = 0;
    this.#places = [];
  }

  #moveAnchor(line: number): void {
    this.#anchor?.dispose();
    this.#anchor = this.#xterm.registerMarker(0) ?? null;
    this.#anchorLine = line;
  }

  /** How many rows have left the scrollback. */
  #gone(): number {
    return this.#anchor ? this.#anchorLine - this.#anchor.line : 0;
  }
}

/** The OSC numbers of shells' marks: those of most terminals, and VS Code's. */
export const SHELL_MARKS = [133, 633];

const ESCAPE = 0x1b;
// What a mark begins with behind the escape.
const BEGINNINGS = SHELL_MARKS.map((number) => new TextEncoder().encode(`]${number};`));

/** Where in `bytes` shells' marks begin. */
export function marksIn(bytes: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(ESCAPE); at >= 0; at = bytes.indexOf(ESCAPE, at + 1)) {
    const begins = (mark: Uint8Array): boolean =>
      mark.every((byte, index) => bytes[at + 1 + index] === byte);
    if (BEGINNINGS.some(begins)) found.push(at);
  }
  return found;
}
