import type { Frame } from "./frames";
import { marksIn } from "./places";

/** What a stream paints on; an xterm.js terminal, or a recorder in tests. */
export interface Screen {
  write(bytes: Uint8Array, parsed: () => void): void;
  resize(cols: number, rows: number): void;
  reset(): void;
  /** All before an offset that was asked for is parsed, and nothing behind it. */
  reached?(offset: number): void;
  /** Draws nothing until told to go on: what is shown now is on its way to something else. */
  hold(held: boolean): void;
  /** Calls back once what is parsed was seen. */
  seen(then: () => void): void;
  /** Has what `work` writes parsed before this returns, so that nobody sees it on its way. */
  atOnce(work: () => void): void;
}

/** What became of a frame: `gap` means that bytes before it are missing. */
export type Accepted = "taken" | "known" | "gap";

type Step =
  | { kind: "write"; bytes: Uint8Array; end: number; replay: boolean; more: boolean }
  | { kind: "resize"; cols: number; rows: number }
  | { kind: "reset"; offset: number };

/** A past that waits behind its preview, until all of it is here and the preview was seen. */
interface Past {
  steps: Step[];
  /** What came behind it while it waited. */
  live: Step[];
  /** What its preview shows: the size at its end, and that. */
  size: Step & { kind: "resize" };
  end: number;
  bytes: number;
  /** Whether its first frame came. */
  begun: boolean;
  complete: boolean;
  /** The preview is parsed, and was seen. */
  parsed: boolean;
  seen: boolean;
}

// Often enough that a fast program never waits for us, seldom enough to cost nothing.
const ACK_BYTES = 128 * 1024;
const ACK_PAUSE_MS = 20;
// Nobody waits for a viewer, and there may be a thousand of them.
const VIEWER_ACK_PAUSE_MS = 1000;
// More than this would stop the page for long: it is parsed in pieces, with the screen held.
const AT_ONCE_BYTES = 4 * 1024 * 1024;

/**
 * One terminal's output in its exact order: cuts what is known already, finds gaps, and applies
 * sizes and resets only after all bytes before them are parsed.
 */
export class TerminalStream {
  readonly #screen: Screen;
  readonly #acknowledge: (offset: number) => void;
  readonly #steps: Step[] = [];
  #past: Past | null = null;
  #begun = false;
  #received = 0;
  #parsed = 0;
  #acknowledged = 0;
  #writing = 0;
  readonly #awaited = new Set<number>();
  #replaying = 0;
  #held = false;
  #acknowledgement: ReturnType<typeof setTimeout> | undefined;
  /** Whether programs wait for what is parsed here. */
  paces = true;
  // Makes callbacks from before a snapshot harmless.
  #epoch = 0;

  constructor(screen: Screen, acknowledge: (offset: number) => void) {
    this.#screen = screen;
    this.#acknowledge = acknowledge;
  }

  /** Whether anything came yet, so that there is something to resume. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The offset after the last byte received. */
  get received(): number {
    return this.#received;
  }

  /** The offset that all output before is parsed of; within a write, where that begins. */
  get parsed(): number {
    return this.#parsed;
  }

  /** Has the screen told when all before `offset` is parsed; false where more is already here. */
  await(offset: number): boolean {
    if (offset <= this.#received) return false;
    this.#awaited.add(offset);
    return true;
  }

  /** Whether what is being parsed was written before this client came, and had its effects. */
  get replaying(): boolean {
    return this.#replaying > 0;
  }

  accept(frame: Frame): Accepted {
    if (frame.kind === "preview") {
      this.#preview(frame);
      return "taken";
    }
    if (frame.kind === "snapshot") {
      if (this.#past?.begun !== false) this.#forget(frame.offset);
      this.#begin(frame.offset);
      this.#push({ kind: "resize", cols: frame.cols, rows: frame.rows });
      const { offset: end, payload: bytes, more } = frame;
      this.#push({ kind: "write", bytes, end, replay: true, more });
      return "taken";
    }
    if (frame.offset > this.#received) return "gap";
    const overlap = this.#received - frame.offset;
    if (frame.kind === "resize") {
      if (overlap > 0) return "known";
      this.#push({ kind: "resize", cols: frame.cols, rows: frame.rows });
      return "taken";
    }
    if (overlap > 0 && overlap >= frame.payload.length) return "known";
    const bytes = overlap > 0 ? frame.payload.subarray(overlap) : frame.payload;
    const start = this.#received;
    this.#received += bytes.length;
    const { replay } = frame;
    let from = 0;
    // Cut at shells' marks and awaited places, so that it is known where on the screen they are.
    for (const cut of [...this.#cuts(bytes, start), bytes.length]) {
      if (cut <= from) continue;
      const piece = bytes.subarray(from, cut);
      const more = frame.more || cut < bytes.length;
      this.#push({ kind: "write", bytes: piece, end: start + cut, replay, more });
      from = cut;
    }
    return "taken";
  }

  /** Says how far this client is; also again, to a server that forgot with the connection. */
  acknowledgeAgain(): void {
    clearTimeout(this.#acknowledgement);
    this.#acknowledgement = undefined;
    this.#acknowledged = this.#parsed;
    this.#acknowledge(this.#parsed);
  }

  /** Has a past that is here taken in now, because somebody needs all of it. */
  settle(): void {
    if (this.#past?.parsed) this.#past.seen = true;
    this.#takeIn();
  }

  /** Ends the stream: nothing is acknowledged any more. */
  dispose(): void {
    clearTimeout(this.#acknowledgement);
    this.#epoch += 1;
    this.#past = null;
  }

  #cuts(bytes: Uint8Array, start: number): number[] {
    const cuts = marksIn(bytes);
    for (const offset of this.#awaited) {
      if (offset <= start + bytes.length) cuts.push(offset - start);
    }
    return cuts.sort((one, other) => one - other);
  }

  /** Leaves what was, to begin at `offset`; what is awaited is awaited still. */
  #forget(offset: number): void {
    clearTimeout(this.#acknowledgement);
    this.#acknowledgement = undefined;
    this.#past = null;
    this.#parsed = offset;
    this.#acknowledged = offset;
    this.#epoch += 1;
    this.#steps.length = 0;
  }

  #begin(offset: number): void {
    this.#begun = true;
    this.#received = offset;
    for (const awaited of this.#awaited) if (awaited < offset) this.#awaited.delete(awaited);
    this.#push({ kind: "reset", offset });
  }

  /** Shows the screen, which leads nowhere: until its past begins there is nothing to resume. */
  #preview({ offset, cols, rows, payload }: Frame & { kind: "preview" }): void {
    this.#forget(offset);
    this.#begun = false;
    this.#received = 0;
    const size = { kind: "resize", cols, rows } as const;
    const nothing = { begun: false, complete: false, parsed: false, seen: false };
    this.#past = { steps: [], live: [], size, end: offset, bytes: 0, ...nothing };
    this.#steps.push({ kind: "reset", offset });
    this.#steps.push(size);
    this.#steps.push({ kind: "write", bytes: payload, end: offset, replay: true, more: false });
    this.#pump();
  }

  #push(step: Step): void {
    if (this.#past) {
      this.#wait(this.#past, step);
      return;
    }
    this.#steps.push(step);
    this.#pump();
  }

  #wait(past: Past, step: Step): void {
    past.begun = true;
    if (past.complete) {
      past.live.push(step);
      return;
    }
    past.steps.push(step);
    if (step.kind !== "write") return;
    past.bytes += step.bytes.length;
    past.complete = !step.more;
    // The frame of a size that nothing was written in may come behind. A past that ends elsewhere
    // than its preview has its own sizes.
    if (past.complete && step.end === past.end) past.steps.push(past.size);
    this.#takeIn();
  }

  /** The preview is parsed; its past follows when it was seen. */
  #previewed(past: Past): void {
    past.parsed = true;
    this.#screen.seen(() => {
      past.seen = true;
      if (past === this.#past) this.#takeIn();
    });
  }

  /** Puts the past in the place of its preview. */
  #takeIn(): void {
    const past = this.#past;
    if (!past?.complete || !past.seen) return;
    this.#past = null;
    const work = (): void => {
      for (const step of past.steps) this.#push(step);
    };
    if (past.bytes > AT_ONCE_BYTES) work();
    else this.#screen.atOnce(work);
    for (const step of past.live) this.#push(step);
  }

  #pump(): void {
    for (let step = this.#steps[0]; step; step = this.#steps[0]) {
      if (step.kind !== "write" && this.#writing > 0) return;
      if (step.kind === "write" && step.replay !== this.replaying && this.#writing > 0) return;
      this.#steps.shift();
      if (step.kind === "reset") this.#reset(step.offset);
      else if (step.kind === "resize") this.#screen.resize(step.cols, step.rows);
      else this.#write(step);
    }
  }

  #reset(offset: number): void {
    this.#parsed = offset;
    this.#screen.reset();
    this.#hold(true);
  }

  #hold(held: boolean): void {
    if (held !== this.#held) this.#screen.hold(held);
    this.#held = held;
  }

  #write(step: Step & { kind: "write" }): void {
    const epoch = this.#epoch;
    this.#writing += 1;
    if (step.replay) this.#replaying += 1;
    this.#screen.write(step.bytes, () => {
      this.#writing -= 1;
      if (step.replay) this.#replaying -= 1;
      if (epoch === this.#epoch) {
        if (!step.more) this.#hold(false);
        this.#advance(step.end, step.replay);
        // What is awaited comes with the past: the screen of a preview is gone then.
        if (this.#past) this.#previewed(this.#past);
        else if (this.#awaited.delete(step.end)) this.#screen.reached?.(step.end);
      }
      this.#pump();
    });
  }

  #advance(end: number, replay: boolean): void {
    this.#parsed = end;
    // The past behind a preview, which was acknowledged with it.
    if (end < this.#acknowledged) return;
    if (replay || end - this.#acknowledged >= ACK_BYTES) this.acknowledgeAgain();
    else {
      const pause = this.paces ? ACK_PAUSE_MS : VIEWER_ACK_PAUSE_MS;
      this.#acknowledgement ??= setTimeout(() => this.acknowledgeAgain(), pause);
    }
  }
}
