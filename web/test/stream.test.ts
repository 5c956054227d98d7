import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { Frame } from "../src/frames";
import { TerminalStream } from "../src/stream";

interface Harness {
  stream: TerminalStream;
  /** What reached the screen, in order. */
  log: string[];
  acks: number[];
  /** Whether drawing was stopped, and went on. */
  holds: boolean[];
  /** The awaited places that were told of. */
  told: number[];
  /** Lets a person see what is parsed. */
  see(): void;
  /** Lets the oldest write be parsed. */
  parse(): void;
  parseAll(): void;
}

function harness(): Harness {
  const log: string[] = [];
  const acks: number[] = [];
  const holds: boolean[] = [];
  const told: number[] = [];
  const writes: { text: string; parsed: () => void }[] = [];
  const seen: (() => void)[] = [];
  let atOnce = false;
  const screen = {
    write(bytes: Uint8Array, parsed: () => void): void {
      writes.push({ text: new TextDecoder().decode(bytes.slice(0, 20)), parsed });
      if (atOnce) parse();
    },
    resize: (cols: number, rows: number) => log.push(`${cols}x${rows}`),
    reset: () => log.push("reset"),
    hold: (held: boolean) => holds.push(held),
    seen: (then: () => void) => seen.push(then),
    reached: (offset: number) => told.push(offset),
    atOnce(work: () => void): void {
      log.push("at once:");
      atOnce = true;
      work();
      atOnce = false;
      log.push("done");
    },
  };
  const parse = (): void => {
    const write = writes.shift();
    if (!write) return;
    log.push(write.text);
    write.parsed();
  };
  const stream = new TerminalStream(screen, (offset) => acks.push(offset));
  const parseAll = (): void => {
    while (writes.length > 0) parse();
  };
  const see = (): void => {
    for (const then of seen.splice(0)) then();
  };
  return { stream, log, acks, holds, told, see, parse, parseAll };
}

const at = (offset: number, generation = 1) => ({ terminal: 0, generation, offset });
const output = (offset: number, text: string, generation = 1): Frame => ({
  ...at(offset, generation),
  kind: "output",
  replay: false,
  more: false,
  payload: new TextEncoder().encode(text),
});
const resize = (offset: number, cols: number, rows: number): Frame => ({
  ...at(offset),
  kind: "resize",
  cols,
  rows,
});
const snapshot = (offset: number, text: string, generation = 1): Frame => ({
  ...at(offset, generation),
  kind: "snapshot",
  cols: 80,
  rows: 24,
  more: false,
  payload: new TextEncoder().encode(text),
});

test("snapshot resets, resizes, paints, and sets the position", () => {
  const { stream, log, parseAll } = harness();
  assert.equal(stream.accept(snapshot(1000, "screen")), "taken");
  parseAll();
  assert.deepEqual(log, ["reset", "80x24", "screen"]);
  assert.equal(stream.received, 1000);
});

test("overlapping output is cut, known output is dropped", () => {
  const { stream, log, parseAll } = harness();
  stream.accept(output(0, "abcdef"));
  assert.equal(stream.accept(output(4, "efgh")), "taken");
  assert.equal(stream.accept(output(2, "cd")), "known");
  parseAll();
  assert.deepEqual(log, ["abcdef", "gh"]);
  assert.equal(stream.received, 8);
});

test("output after a hole is a gap and changes nothing", () => {
  const { stream } = harness();
  stream.accept(output(0, "abc"));
  assert.equal(stream.accept(output(5, "x")), "gap");
  assert.equal(stream.accept(resize(5, 90, 30)), "gap");
  assert.equal(stream.received, 3);
});

test("resize waits for the bytes before it and precedes those after it", () => {
  const { stream, log, parse, parseAll } = harness();
  stream.accept(output(0, "one"));
  stream.accept(resize(3, 100, 30));
  stream.accept(output(3, "two"));
  assert.deepEqual(log, []);
  parse();
  assert.deepEqual(log, ["one", "100x30"]);
  parseAll();
  assert.deepEqual(log, ["one", "100x30", "two"]);
});

test("resize that is older than the position is known", () => {
  const { stream } = harness();
  stream.accept(output(0, "abc"));
  assert.equal(stream.accept(resize(1, 100, 30)), "known");
});

test("offsets go on when a shell is started again", () => {
  const { stream, log, parseAll } = harness();
  stream.accept(output(0, "old"));
  assert.equal(stream.accept(output(3, "new", 2)), "taken");
  parseAll();
  assert.deepEqual(log, ["old", "new"]);
});

test("size that comes with the first shell is kept while the empty screen is still parsed", () => {
  const { stream, log, parseAll } = harness();
  stream.accept(snapshot(0, "", 0));
  stream.accept(resize(0, 106, 19));
  stream.accept(output(0, "$ ", 1));
  parseAll();
  assert.deepEqual(log, ["reset", "80x24", "", "106x19", "$ "]);
});

test("acknowledgement comes each 128 KiB, and once for all that is parsed in a moment", (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const { stream, acks, parse, parseAll } = harness();
  stream.accept(output(0, "a"));
  stream.accept(output(1, "b"));
  parse();
  mock.timers.tick(10);
  parse();
  assert.deepEqual(acks, []);
  mock.timers.tick(10);
  assert.deepEqual(acks, [2]);
  for (let i = 0; i < 3; i += 1) stream.accept(output(2 + i * 80_000, "x".repeat(80_000)));
  parseAll();
  assert.deepEqual(acks, [2, 160_002]);
  mock.timers.tick(20);
  assert.deepEqual(acks, [2, 160_002, 240_002]);
});

test("stream that has ended acknowledges nothing", (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const { stream, acks, parse } = harness();
  stream.accept(output(0, "a"));
  parse();
  stream.dispose();
  mock.timers.tick(50);
  assert.deepEqual(acks, []);
});

test("callbacks of a forgotten generation acknowledge nothing", () => {
  const { stream, acks, parseAll } = harness();
  stream.accept(output(0, "old"));
  stream.accept(snapshot(500, "screen", 2));
  parseAll();
  assert.deepEqual(acks, [500]);
});

test("nothing is drawn from a snapshot on until the past has been read", () => {
  const { stream, holds, parse, parseAll } = harness();
  stream.accept({ ...snapshot(100, "screen"), more: true } as Frame);
  stream.accept({ ...output(100, "past"), replay: true, more: true } as Frame);
  parse();
  assert.deepEqual(holds, [true]);
  stream.accept({ ...output(104, "end"), replay: true } as Frame);
  parse();
  assert.deepEqual(holds, [true]);
  parse();
  assert.deepEqual(holds, [true, false]);
  stream.accept(output(107, "live"));
  parseAll();
  assert.deepEqual(holds, [true, false]);
});

test("side effects are replays only while a snapshot is parsed", () => {
  const { stream, parse } = harness();
  stream.accept(snapshot(10, "screen"));
  stream.accept(output(10, "live"));
  assert.equal(stream.replaying, true);
  parse();
  assert.equal(stream.replaying, false);
});

const preview = (offset: number, text: string): Frame => ({
  ...at(offset),
  kind: "preview",
  cols: 100,
  rows: 30,
  payload: new TextEncoder().encode(text),
});
const past = (offset: number, text: string, more: boolean): Frame =>
  ({ ...output(offset, text), replay: true, more }) as Frame;
const longPast = (offset: number): Frame => ({ ...snapshot(offset, "old"), more: true }) as Frame;

const SHOWN = ["reset", "100x30", "screen"];
const TAKEN_IN = ["at once:", "reset", "80x24", "old", "one", "100x30", "two", "100x30", "done"];

test("preview is shown at once, and its past takes its place when it is here and that was seen", () => {
  const { stream, log, holds, see, parseAll } = harness();
  stream.accept(preview(106, "screen"));
  stream.accept(longPast(100));
  stream.accept(past(100, "one", true));
  stream.accept(resize(103, 100, 30));
  parseAll();
  assert.deepEqual([log, holds], [SHOWN, [true, false]]);
  see();
  assert.deepEqual(log, SHOWN, "a part of the past was missing");
  stream.accept(past(103, "two", false));
  assert.deepEqual(log, [...SHOWN, ...TAKEN_IN]);
  assert.deepEqual(holds, [true, false, true, false]);
  stream.accept(output(106, "live"));
  parseAll();
  assert.deepEqual(log.at(-1), "live");
  assert.equal(stream.received, 110);
});

test("past that is here before its preview was seen waits, and what is live with it", () => {
  const { stream, log, see, parseAll } = harness();
  stream.accept(preview(106, "screen"));
  stream.accept(longPast(100));
  stream.accept(past(100, "one", true));
  stream.accept(resize(103, 100, 30));
  stream.accept(past(103, "two", false));
  stream.accept(output(106, "live"));
  stream.accept(resize(110, 90, 20));
  parseAll();
  assert.deepEqual(log, SHOWN);
  see();
  // Who looks at a place is brought back to it before anything moves that.
  assert.deepEqual(log, [...SHOWN, ...TAKEN_IN]);
  parseAll();
  assert.deepEqual(log, [...SHOWN, ...TAKEN_IN, "live", "90x20"]);
});

test("past that went beyond its preview keeps the size that it ends with", () => {
  const { stream, log, see, parseAll } = harness();
  stream.accept(preview(95, "screen"));
  stream.accept(snapshot(100, "old"));
  parseAll();
  see();
  assert.deepEqual(log, [...SHOWN, "at once:", "reset", "80x24", "old", "done"]);
});

/** A stream whose preview was seen, and of whose past a part is here. */
function halfPast(): ReturnType<typeof harness> {
  const all = harness();
  all.stream.accept(preview(106, "screen"));
  all.stream.accept(longPast(100));
  all.stream.accept(past(100, "one", true));
  all.parseAll();
  all.see();
  return all;
}

test("past whose connection broke ends with the first frame of the next one", () => {
  const { stream, log } = halfPast();
  assert.deepEqual([stream.begun, stream.received], [true, 103]);
  stream.accept(output(103, "two"));
  assert.deepEqual(log, [
    ...SHOWN,
    "at once:",
    "reset",
    "80x24",
    "old",
    "one",
    "two",
    "100x30",
    "done",
  ]);
});

test("past is taken in before its preview was seen where somebody needs it", () => {
  const { stream, log, see, parseAll } = harness();
  stream.accept(preview(103, "screen"));
  stream.accept(longPast(100));
  stream.accept(past(100, "one", false));
  stream.settle();
  assert.deepEqual(log, ["reset", "100x30"], "the preview is still being parsed");
  parseAll();
  stream.settle();
  assert.equal(stream.parsed, 103);
  const taken = [...log];
  see();
  assert.deepEqual(log, taken);
});

test("preview is acknowledged with all of its past", (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const { stream, acks, see, parseAll } = harness();
  stream.accept(preview(103, "screen"));
  stream.accept(longPast(100));
  stream.accept(past(100, "one", false));
  parseAll();
  see();
  assert.equal(stream.parsed, 103);
  stream.accept(output(103, "live"));
  parseAll();
  mock.timers.tick(50);
  assert.deepEqual([...new Set(acks)], [103, 107]);
});

test("preview alone is nothing to resume", () => {
  const { stream } = harness();
  stream.accept(preview(103, "screen"));
  assert.equal(stream.begun, false);
  stream.accept(longPast(100));
  assert.deepEqual([stream.begun, stream.received], [true, 100]);
});

test("past that begins a second time is read as one without a preview", () => {
  const { stream, log, parseAll } = halfPast();
  stream.accept({ ...snapshot(2000, "new"), more: true } as Frame);
  stream.accept(past(2000, "end", false));
  parseAll();
  assert.deepEqual(log, [...SHOWN, "reset", "80x24", "new", "end"]);
  assert.equal(stream.received, 2003);
});

test("places that are awaited in a past are told of when it is taken in, not with its preview", () => {
  const { stream, told, see, parseAll } = harness();
  assert.equal(stream.await(103), true);
  assert.equal(stream.await(106), true);
  stream.accept(preview(106, "screen"));
  assert.equal(stream.await(104), true);
  parseAll();
  see();
  stream.accept(longPast(100));
  assert.equal(stream.await(105), true);
  assert.deepEqual(told, []);
  stream.accept(past(100, "onetwo", false));
  assert.deepEqual(told, [103, 104, 105, 106]);
});

test("place before a snapshot is awaited no more", () => {
  const { stream, told, parseAll } = harness();
  stream.await(99);
  stream.await(100);
  stream.accept(snapshot(100, "screen"));
  stream.accept(output(100, "live"));
  parseAll();
  assert.deepEqual(told, [100]);
});
