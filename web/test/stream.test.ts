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
  /** Lets the oldest write be parsed. */
  parse(): void;
  parseAll(): void;
}

function harness(): Harness {
  const log: string[] = [];
  const acks: number[] = [];
  const holds: boolean[] = [];
  const writes: { text: string; parsed: () => void }[] = [];
  const screen = {
    write(bytes: Uint8Array, parsed: () => void): void {
      writes.push({ text: new TextDecoder().decode(bytes.slice(0, 20)), parsed });
    },
    resize: (cols: number, rows: number) => log.push(`${cols}x${rows}`),
    reset: () => log.push("reset"),
    hold: (held: boolean) => holds.push(held),
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
  return { stream, log, acks, holds, parse, parseAll };
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

test("acknowledgement comes each 64 KiB, and once for all that is parsed in a moment", (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const { stream, acks, parse, parseAll } = harness();
  stream.accept(output(0, "a"));
  stream.accept(output(1, "b"));
  parse();
  mock.timers.tick(20);
  parse();
  assert.deepEqual(acks, []);
  mock.timers.tick(30);
  assert.deepEqual(acks, [2]);
  for (let i = 0; i < 3; i += 1) stream.accept(output(2 + i * 40_000, "x".repeat(40_000)));
  parseAll();
  assert.deepEqual(acks, [2, 80_002]);
  mock.timers.tick(50);
  assert.deepEqual(acks, [2, 80_002, 120_002]);
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
