import assert from "node:assert/strict";
import { test } from "node:test";
import { Terminal } from "@xterm/headless";
import { parseNow, startAnew, Writer } from "../src/parsing";

type Given = Parameters<typeof startAnew>[0];

function open(): { xterm: Terminal; given: Given } {
  const xterm = new Terminal({ allowProposedApi: true, cols: 20, rows: 3, scrollback: 50 });
  return { xterm, given: xterm as unknown as Given };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const written = (xterm: Terminal, text: string | Uint8Array): Promise<void> =>
  new Promise((done) => xterm.write(text, done));
const line = (xterm: Terminal, row: number): string | undefined =>
  xterm.buffer.active.getLine(row)?.translateToString(true);

test("what is parsed now is there at once, between what is parsed later", async () => {
  const { xterm, given } = open();
  await written(xterm, bytes("one\r\n"));
  parseNow(given, bytes("two\r\n"));
  assert.equal(line(xterm, 1), "two");
  await written(xterm, bytes("three"));
  assert.deepEqual(
    [0, 1, 2].map((row) => line(xterm, row)),
    ["one", "two", "three"],
  );
});

test("terminal that starts anew in a sequence or a character shows all that follows", async () => {
  for (const cut of [
    bytes("\x1b]0;title"),
    bytes("\x1b[3"),
    bytes("\x1bPq"),
    Uint8Array.of(0xe6, 0xbc),
  ]) {
    const { xterm, given } = open();
    await written(xterm, bytes("old"));
    await written(xterm, cut);
    startAnew(given);
    await written(xterm, bytes("line of a snapshot"));
    assert.equal(line(xterm, 0), "line of a snapshot", JSON.stringify([...cut]));
  }
});

test("what is written at once is parsed when that is over, and nothing later is", () => {
  const { xterm, given } = open();
  const writer = new Writer(given);
  const parsed: string[] = [];
  const write = (text: string): void => writer.write(bytes(text), () => parsed.push(text));
  writer.doAtOnce(() => write("past"));
  assert.deepEqual([parsed, line(xterm, 0)], [["past"], "past"]);
  const fail = (): void => {
    throw new Error("of a handler");
  };
  assert.throws(() => writer.doAtOnce(fail), /of a handler/);
  write("live");
  assert.deepEqual(parsed, ["past"], "what follows a failure stopped the page");
});
