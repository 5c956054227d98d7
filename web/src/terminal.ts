import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { type IMarker, Terminal as Xterm } from "@xterm/xterm";
import { copyText, textOfOsc52 } from "./clipboard";
import { holdDrawing, onceSeen } from "./drawing";
import { after, type Disposable, Disposables, Emitter } from "./events";
import { Fitting } from "./fitting";
import { type Frame, inputFrame } from "./frames";
import { controlled, type Key, keySequence } from "./keys";
import { cursorRow, rowOfLastCommand } from "./lastcommand";
import { InputLedger } from "./ledger";
import { startAnew, Writer } from "./parsing";
import { Places, type Row, SHELL_MARKS } from "./places";
import { plainText } from "./plaintext";
import { type BlockRun, MAX_CLIENT_MESSAGE_BYTES, type Role } from "./protocol";
import { swallowQueries } from "./queries";
import { screenReader } from "./screenreader";
import { type Accepted, TerminalStream } from "./stream";

/** What a terminal sends to its lab. */
export interface TerminalPort {
  readonly open: boolean;
  acknowledge(terminal: number, offset: number): void;
  sendInput(frame: Uint8Array<ArrayBuffer>): void;
}

const SCROLLBACK_LINES = 10_000;
const FRAME_BYTES = Math.floor(MAX_CLIENT_MESSAGE_BYTES / 16);
const RETURN = 13; // what Enter types
// How long the output that was asked for is marked.
const SHOWN_MS = 2500;

// Dark in every theme: the server answers programs that ask for these colours, once for all tabs.
const THEME = {
  background: "#12161c",
  foreground: "#d7dde5",
  cursor: "#7cc4ff",
  cursorAccent: "#12161c",
  selectionBackground: "#2f5878",
  selectionInactiveBackground: "#2b3d4d",
  black: "#1d232b",
  red: "#f47983",
  green: "#84cf96",
  yellow: "#e3c078",
  blue: "#79b4f7",
  magenta: "#c9a0f0",
  cyan: "#6fced1",
  white: "#cbd3dc",
  brightBlack: "#76818f",
  brightRed: "#ff9aa2",
  brightGreen: "#a5e3b3",
  brightYellow: "#f2d79b",
  brightBlue: "#a2ccff",
  brightMagenta: "#dcbdfb",
  brightCyan: "#98e5e6",
  brightWhite: "#f4f7fa",
  scrollbarSliderBackground: "#ffffff26",
  scrollbarSliderHoverBackground: "#ffffff40",
  scrollbarSliderActiveBackground: "#ffffff59",
};

function openLink(_event: MouseEvent, uri: string): void {
  if (/^https?:/i.test(uri)) window.open(uri, "_blank", "noopener");
}

/** One named terminal as this tab shows it: the screen, its stream, and what is typed. */
export class Terminal implements Disposable {
  readonly number: number;
  readonly search = new SearchAddon();
  readonly fitting: Fitting;
  readonly onTitle = new Emitter<string>();
  /** Typed bytes that nobody can take: `full` while offline, `watching` without the keyboard. */
  readonly onRefused = new Emitter<"full" | "watching">();
  /** The person wants to leave the terminal, or to search it. */
  readonly onLeave = new Emitter<void>();
  readonly onFind = new Emitter<void>();
  /** Enter was pressed where no shell runs. */
  readonly onRestart = new Emitter<void>();
  /** Ctrl is held, or no longer, for the next key. */
  readonly onControl = new Emitter<void>();
  /** The keyboard came into the terminal. */
  readonly onFocus = new Emitter<void>();
  #name: string;
  readonly #xterm: Xterm;
  readonly #port: TerminalPort;
  readonly #writer: Writer;
  readonly #stream: TerminalStream;
  readonly #ledger = new InputLedger();
  readonly #parts = new Disposables();
  #webgl: WebglAddon | null = null;
  #running = false;
  #role: Role = "driver";
  #controlHeld = false;
  // Where the last command began, if this tab was there.
  #command: IMarker | null = null;
  readonly #places: Places;
  // The output that is marked, and kept in view, for a moment.
  #shown: (Disposable & { run: BlockRun }) | null = null;

  constructor(number: number, name: string, port: TerminalPort) {
    this.number = number;
    this.#name = name;
    this.#port = port;
    this.#xterm = new Xterm({
      allowProposedApi: true,
      cursorBlink: false,
      fontFamily: 'ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", Menlo, Consolas, monospace',
      lineHeight: 1.2,
      linkHandler: { activate: openLink },
      minimumContrastRatio: 4.5,
      screenReaderMode: screenReader(),
      scrollback: SCROLLBACK_LINES,
      theme: THEME,
    });
    this.fitting = new Fitting(this.#xterm);
    this.#places = new Places(this.#xterm);
    this.#writer = new Writer(this.#xterm);
    this.#stream = new TerminalStream(
      {
        write: (bytes, parsed) => this.#writer.write(bytes, parsed),
        resize: (cols, rows) => this.#resize(cols, rows),
        reset: () => {
          this.#places.clear();
          startAnew(this.#xterm);
        },
        reached: (offset) => this.#places.note(offset),
        hold: (held) => holdDrawing(this.#xterm, held),
        seen: onceSeen,
        atOnce: (work) => this.#doAtOnce(work),
      },
      (offset) => this.#port.acknowledge(number, offset),
    );
    this.#xterm.loadAddon(new Unicode11Addon());
    this.#xterm.unicode.activeVersion = "11";
    this.#xterm.loadAddon(new WebLinksAddon(openLink));
    this.#xterm.loadAddon(this.search);
    this.#parts.add(this.#xterm);
    this.#parts.add(swallowQueries(this.#xterm.parser));
    for (const number of SHELL_MARKS) {
      this.#parts.add(this.#xterm.parser.registerOscHandler(number, (data) => this.#marked(data)));
    }
    this.#parts.add(this.#xterm.parser.registerOscHandler(52, (data) => this.#copy(data)));
    const encoder = new TextEncoder();
    this.#parts.add(this.#xterm.onData((text) => this.#type(encoder.encode(this.#held(text)))));
    this.#parts.add(
      this.#xterm.onBinary((text) => this.#type(Uint8Array.from(text, (c) => c.charCodeAt(0)))),
    );
    this.#parts.add(this.#xterm.onCursorMove(() => this.fitting.follow()));
    this.#parts.add(this.#xterm.onTitleChange((title) => this.onTitle.fire(title)));
    this.#xterm.attachCustomKeyEventHandler((event) => this.#key(event));
  }

  /** Whether anything came yet, so that there is something to resume. */
  get begun(): boolean {
    return this.#stream.begun;
  }

  /** The offset after the last byte received, to resume from. */
  get received(): number {
    return this.#stream.received;
  }

  /** Puts the screen into `body`, which must be laid out. */
  open(body: HTMLElement): void {
    this.#xterm.open(body);
    this.setName(this.#name);
    this.#xterm.textarea?.addEventListener("focus", () => this.onFocus.fire());
    this.fitting.open(body);
  }

  setName(name: string): void {
    this.#name = name;
    const label = `Terminal ${name}. Shift and Escape leaves it.`;
    this.#xterm.textarea?.setAttribute("aria-label", label);
  }

  accept(frame: Frame): Accepted {
    return this.#stream.accept(frame);
  }

  /** Notes whether a shell runs, and which. */
  shell(generation: number, running: boolean): void {
    this.#running = running;
    this.#ledger.begin(generation);
  }

  /** After a reconnect: sends again what did not arrive, and says how far the output came. */
  resume(generation: number, receivedBytes: number): void {
    this.#stream.acknowledgeAgain();
    if (generation !== this.#ledger.generation) return;
    const { offset, bytes } = this.#ledger.resume(receivedBytes);
    this.#send(offset, bytes);
  }

  /** Uses the graphics card only for what is seen: browsers allow few contexts. */
  setVisible(visible: boolean): void {
    if (visible === (this.#webgl !== null)) return;
    if (!visible) {
      this.#webgl?.dispose();
      this.#webgl = null;
      return;
    }
    try {
      const webgl = new WebglAddon();
      webgl.onContextLoss(() => this.setVisible(false));
      this.#xterm.loadAddon(webgl);
      this.#webgl = webgl;
    } catch {
      // Without WebGL 2 xterm.js draws with elements, which is slower and as good.
    }
  }

  focus(): void {
    this.#xterm.focus();
  }

  /** Says whether the Tab key, pressed outside, comes into the terminal. */
  setTabStop(stop: boolean): void {
    if (this.#xterm.textarea) this.#xterm.textarea.tabIndex = stop ? 0 : -1;
  }

  /** Says what is done here: a driver sizes the terminal, a guest types, all others read. */
  setRole(role: Role): void {
    this.#role = role;
    this.#stream.paces = role === "driver";
    this.#xterm.options.disableStdin = !this.#mayType;
    this.fitting.setSizing(role === "driver");
  }

  get #mayType(): boolean {
    return this.#role === "driver" || this.#role === "guest";
  }

  /** Lets screen readers follow what is printed. */
  setScreenReader(on: boolean): void {
    this.#xterm.options.screenReaderMode = on;
  }

  /** Whether the next key is typed as if Ctrl were held. */
  get controlHeld(): boolean {
    return this.#controlHeld;
  }

  holdControl(held: boolean): void {
    if (held === this.#controlHeld) return;
    this.#controlHeld = held;
    this.onControl.fire();
  }

  /** Types a key as a keyboard would. */
  press(key: Key): void {
    const { applicationCursorKeysMode } = this.#xterm.modes;
    const sequence = keySequence(key, this.#controlHeld, applicationCursorKeysMode);
    this.holdControl(false);
    this.#xterm.input(sequence);
  }

  /** Notes that a command begins here. */
  markCommand(): void {
    if (this.#xterm.buffer.active.type === "alternate") return;
    this.#command?.dispose();
    this.#command = this.#xterm.registerMarker(0) ?? null;
  }

  /** Where a run's output begins; null where that is not known here, or not kept. */
  outputBegins({ start }: BlockRun): Row | null {
    this.#stream.settle();
    return start === undefined || this.fullScreen ? null : this.#places.find(start);
  }

  /** A run's output as it is to be read here; null where not all of it is. */
  outputOf(run: BlockRun): string | null {
    const begins = this.outputBegins(run);
    const ends = run.end === undefined ? null : this.#places.find(run.end);
    if (!begins || (run.end !== undefined && !ends)) return null;
    const buffer = this.#xterm.buffer.normal;
    if (!ends) return plainText(buffer, begins.row);
    return plainText(buffer, begins.row, ends.column > 0 ? ends.row + 1 : ends.row);
  }

  /** Notes where a run that was seen begins, as far as that is not past. */
  awaitOutput({ start, end }: BlockRun): void {
    for (const offset of [start, end]) {
      if (offset !== undefined && this.#places.find(offset) === null) this.#stream.await(offset);
    }
  }

  /** Scrolls to where a run's output begins, and marks it for a moment; false where it is not here. */
  showOutput(run: BlockRun): boolean {
    const begins = this.outputBegins(run);
    if (!begins) return false;
    this.#shown?.dispose();
    this.#scrollTo(begins);
    const screen = this.#xterm.buffer.active;
    const marker = this.#xterm.registerMarker(begins.row - screen.baseY - screen.cursorY);
    if (!marker) return true;
    const ends = run.end === undefined ? null : this.#places.find(run.end);
    const rows = ends ? ends.row - begins.row + (ends.column > 0 ? 1 : 0) : 1;
    const height = Math.max(1, Math.min(rows, this.#xterm.rows));
    const decoration = this.#xterm.registerDecoration({ marker, width: this.#xterm.cols, height });
    decoration?.onRender((mark) => mark.classList.add("output-mark"));
    const fading = after(SHOWN_MS, () => this.#shown?.dispose());
    this.#shown = {
      run,
      dispose: () => {
        fading.dispose();
        marker.dispose();
        this.#shown = null;
      },
    };
    return true;
  }

  /** Scrolls to a row, and leaves the command above it and what lies over the terminal there. */
  #scrollTo({ row }: Row): void {
    const above = this.#xterm.rows > 12 ? 3 : 1;
    this.#xterm.scrollToLine(Math.max(0, row - above));
  }

  /** All that is there to read, scrollback included. */
  text(): string {
    this.#stream.settle();
    return plainText(this.#xterm.buffer.active);
  }

  /** The last command with its output; null where nobody can tell where it began. */
  lastOutput(): string | null {
    this.#stream.settle();
    const screen = this.#xterm.buffer.active;
    if (screen.type === "alternate") return null;
    const marked = this.#command?.isDisposed === false ? this.#command.line : null;
    // A mark at the cursor came with the prompt after the command, or nothing was printed yet.
    const begun = marked !== null && marked < cursorRow(screen) ? marked : null;
    const row = begun ?? rowOfLastCommand(screen);
    return row === null ? null : plainText(screen, row);
  }

  /** Whether a program, such as an editor, has the whole screen. */
  get fullScreen(): boolean {
    return this.#xterm.buffer.active.type === "alternate";
  }

  scrollToEnd(): void {
    this.#xterm.scrollToBottom();
  }

  dispose(): void {
    this.setVisible(false);
    this.#shown?.dispose();
    this.#stream.dispose();
    this.#parts.dispose();
  }

  /** Has a past take the place of its preview: who looks further up, or has marked text, goes on. */
  #doAtOnce(work: () => void): void {
    const { baseY, viewportY } = this.#xterm.buffer.active;
    const marked = this.#xterm.getSelectionPosition();
    this.#writer.doAtOnce(work);
    this.fitting.fit();
    // The past ends where the preview did, so that both are the same from the bottom up.
    if (viewportY !== baseY) this.#xterm.scrollLines(viewportY - baseY);
    if (marked) {
      const { start, end } = marked;
      const row = start.y + this.#xterm.buffer.active.baseY - baseY;
      this.#xterm.select(start.x, row, (end.y - start.y) * this.#xterm.cols + end.x - start.x);
    }
    // Has all told that something was written, as by what is parsed in pieces.
    this.#xterm.write("");
  }

  #resize(cols: number, rows: number): void {
    if (cols !== this.#xterm.cols || rows !== this.#xterm.rows) {
      this.#places.resize(() => this.#xterm.resize(cols, rows));
      if (this.#writer.atOnce) return;
      // A pane that comes into view is mostly sized only then.
      const begins = this.#shown && this.outputBegins(this.#shown.run);
      if (begins) this.#scrollTo(begins);
    }
    this.fitting.fit();
  }

  #key(event: KeyboardEvent): boolean {
    if (!this.#mayType && !this.#reads(event)) return false;
    if (event.type !== "keydown") return true;
    const chord = event.ctrlKey && event.shiftKey && !event.altKey && !event.metaKey;
    if (event.key === "Escape" && event.shiftKey) this.onLeave.fire();
    else if (chord && event.code === "KeyF") this.onFind.fire();
    else if (chord && event.code === "KeyC" && this.#xterm.hasSelection()) {
      copyText(this.#xterm.getSelection()).catch(() => undefined);
    } else if (chord && event.code === "KeyV") return false;
    else return true;
    event.preventDefault();
    return false;
  }

  /** Whether a key is of use to who only reads; all others are the browser's, Tab among them. */
  #reads(event: KeyboardEvent): boolean {
    const plain = !event.ctrlKey && !event.altKey && !event.metaKey;
    if (event.type === "keydown" && plain && event.key.length === 1)
      this.onRefused.fire("watching");
    if (event.shiftKey && /^(Escape|Page|Home|End|Arrow)/.test(event.key)) return true;
    return event.ctrlKey && event.shiftKey;
  }

  /** Takes a shell's mark: output begins behind a `C`, and has ended before a `D`. */
  #marked(data: string): boolean {
    if (/^[CD]/.test(data)) this.#places.note(this.#stream.parsed);
    return true;
  }

  #copy(data: string): boolean {
    const text = textOfOsc52(data);
    // A snapshot repeats what a program once said; only what it says now may reach the clipboard.
    const live = !this.#stream.replaying && document.hasFocus();
    // Who only watches did not start the program, and keeps a clipboard of their own.
    if (text !== null && live && this.#mayType) copyText(text).catch(() => undefined);
    return true;
  }

  #held(text: string): string {
    if (!this.#controlHeld || text.startsWith("\x1b")) return text;
    this.holdControl(false);
    return controlled(text);
  }

  #type(bytes: Uint8Array): void {
    if (!this.#mayType) return;
    if (bytes.includes(RETURN)) this.markCommand();
    if (!this.#running) {
      if (bytes.length === 1 && bytes[0] === RETURN) this.onRestart.fire();
      return;
    }
    const offset = this.#ledger.append(bytes, this.#port.open);
    if (offset === null) this.onRefused.fire("full");
    else if (this.#port.open) this.#send(offset, bytes);
  }

  #send(offset: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
      const piece = bytes.subarray(at, at + FRAME_BYTES);
      this.#port.sendInput(inputFrame(this.number, this.#ledger.generation, offset + at, piece));
    }
  }
}
