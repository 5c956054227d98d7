import type { Terminal as Xterm } from "@xterm/xterm";
import { textScale } from "./textsize";

/** The size of a terminal in cells. */
export interface CellSize {
  cols: number;
  rows: number;
}

const FONT_SIZE_PX = 13;
// Smaller letters are hard to read on any screen; then the terminal is panned instead.
const LEAST_FONT_PX = 9;
// What xterm.js keeps free at the right for its scroll bar.
const SCROLLBAR_PX = 14;
const SMALLEST: CellSize = { cols: 2, rows: 1 };

/** How a terminal, whose size is the lab's, is shown in the room that its pane has. */
export class Fitting {
  readonly #xterm: Xterm;
  #body: HTMLElement | null = null;
  #usual = FONT_SIZE_PX * textScale();
  #sizes = true;
  #cramped = false;
  #cursorTop = 0;

  constructor(xterm: Xterm) {
    this.#xterm = xterm;
    xterm.options.fontSize = this.#usual;
  }

  /** Notes the element that the terminal was put into. */
  open(body: HTMLElement): void {
    this.#body = body;
    this.fit();
  }

  /** The size that all tabs show, as the server last said. */
  get size(): CellSize {
    return { cols: this.#xterm.cols, rows: this.#xterm.rows };
  }

  /** Whether it is too small to read here, or cut off. */
  get cramped(): boolean {
    return this.#cramped;
  }

  /** Says whether the terminal takes its size from here. */
  setSizing(sizes: boolean): void {
    this.#sizes = sizes;
    this.fit();
  }

  setTextScale(scale: number): void {
    this.#usual = FONT_SIZE_PX * scale;
    this.#xterm.options.fontSize = this.#usual;
    this.fit();
  }

  /** How many cells fit, by the size of a cell as it is drawn; null while nothing is laid out. */
  measure(): CellSize | null {
    const [body, screen] = [this.#body, this.#screen];
    if (!body || !screen || body.clientHeight === 0) return null;
    const { cols, rows } = this.size;
    const width = body.offsetWidth - SCROLLBAR_PX;
    return {
      cols: Math.max(SMALLEST.cols, Math.floor((width * cols) / screen.offsetWidth)),
      rows: Math.max(SMALLEST.rows, Math.floor((body.offsetHeight * rows) / screen.offsetHeight)),
    };
  }

  /** Shows what this pane has room for of the lab's size, and has it scroll to the rest. */
  fit(): void {
    const [body, screen, root] = [this.#body, this.#screen, this.#xterm.element];
    if (!body || !screen || !root) return;
    if (!this.#sizes) this.#shrink(body, screen);
    // The pane's own bars must not change what `measure` says, or two tabs would resize each other
    // for ever.
    const width = screen.offsetWidth + SCROLLBAR_PX;
    const height = screen.offsetHeight;
    root.style.minWidth = `${width}px`;
    root.style.minHeight = `${height}px`;
    const larger = width > body.offsetWidth + 1 || height > body.offsetHeight + 1;
    body.classList.toggle("oversized", larger);
    this.#cramped = larger && !this.#sizes;
  }

  /** Where the terminal is cut off, keeps the cursor in view for those to whom it was. */
  follow(): void {
    // Programs move the cursor often, and to measure costs time.
    if (!this.#cramped) return;
    const [body, screen] = [this.#body, this.#screen];
    if (!body || !screen) return;
    const cell = screen.offsetHeight / this.#xterm.rows;
    const top = this.#xterm.buffer.active.cursorY * cell;
    const seen = (row: number): boolean =>
      row + cell > body.scrollTop && row < body.scrollTop + body.clientHeight;
    if (seen(this.#cursorTop) && !seen(top + cell - 1)) {
      body.scrollTop = top + cell - body.clientHeight;
    } else if (seen(this.#cursorTop) && !seen(top)) body.scrollTop = top;
    this.#cursorTop = top;
  }

  /** What xterm.js draws into; null while it is not laid out. */
  get #screen(): HTMLElement | null {
    const screen = this.#body?.querySelector<HTMLElement>(".xterm-screen");
    return screen && screen.offsetWidth > 0 ? screen : null;
  }

  // The driver's size is everybody's: who has less room gets smaller letters.
  #shrink(body: HTMLElement, screen: HTMLElement): void {
    const usual = this.#usual;
    const now = this.#xterm.options.fontSize ?? usual;
    const room = Math.min(
      (body.offsetWidth - SCROLLBAR_PX) / screen.offsetWidth,
      body.offsetHeight / screen.offsetHeight,
    );
    const fits = (): boolean =>
      screen.offsetWidth + SCROLLBAR_PX <= body.offsetWidth &&
      screen.offsetHeight <= body.offsetHeight;
    const least = Math.min(LEAST_FONT_PX, usual);
    let size = Math.max(least, Math.min(usual, Math.ceil(now * room * 2) / 2));
    if (size !== now) this.#xterm.options.fontSize = size;
    // A cell's size is rounded to whole pixels, so that the rule of three may be a bit too large.
    while (size > least && !fits()) {
      size = Math.max(least, size - 0.5);
      this.#xterm.options.fontSize = size;
    }
  }
}
