import assert from "node:assert/strict";
import { test } from "node:test";
import { Terminal } from "@xterm/headless";
import type { Frame } from "../src/frames";
import { marksIn, Places, type PlacesTerminal, SHELL_MARKS } from "../src/places";
import { plainText } from "../src/plaintext";
import { TerminalStream } from "../src/stream";

/** A terminal that notes shells' marks as the page's do. */
class Screen {
  readonly xterm = new Terminal({ allowProposedApi: true, cols: 20, rows: 5, scrollback: 50 });
  readonly places = new Places(this.xterm as unknown as PlacesTerminal);
  readonly stream: TerminalStream;

  constructor() {
    this.stream = new TerminalStream(
      {
        write: (bytes, parsed) => this.xterm.write(bytes, parsed),
        resize: (cols, rows) => this.places.resize(() => this.xterm.resize(cols, rows)),
        reset: () => this.xterm.reset(),
        hold: () => undefined,
        seen: (then) => then(),
        atOnce: (work) => work(),
        reached: (offset) => this.places.note(offset),
      },
      () => undefined,
    );
    for (const number of SHELL_MARKS) {
      this.xterm.parser.registerOscHandler(number, () => {
        this.places.note(this.stream.parsed);
        return true;
      });
    }
  }

  /** Writes text, and gives the offset behind it. */
  async write(text: string): Promise<number> {
    const payload = new TextEncoder().encode(text);
    this.#take({ ...this.#at, kind: "output", replay: false, more: false, payload });
    await this.settled();
    return this.stream.received;
  }

  resize(cols: number, rows: number): void {
    this.#take({ ...this.#at, kind: "resize", cols, rows });
  }

  settled(): Promise<void> {
    return new Promise((done) => this.xterm.write("", done));
  }

  /** The line at an offset. */
  line(offset: number): string | null {
    const found = this.places.find(offset);
    const buffer = this.xterm.buffer.active;
    return found && (plainText(buffer, found.row).split("\n")[0] ?? "");
  }

  get #at(): { terminal: number; generation: number; offset: number } {
    return { terminal: 0, generation: 1, offset: this.stream.received };
  }

  #take(frame: Frame): void {
    assert.equal(this.stream.accept(frame), "taken");
  }
}

const begin = (text: string) => `$ ${text}\r\n\x1b]133;C;aid=12\x07`;

test("marks are found where they begin", () => {
  const text = "a\x1b]133;C\x07b\x1b[0m\x1b]13\x1b]133;D;0\x1b\\\x1b]133";
  assert.deepEqual(marksIn(new TextEncoder().encode(text)), [1, 18]);
  // VS Code's are marks as well; other commands of that length are not.
  assert.deepEqual(marksIn(new TextEncoder().encode("a\x1b]633;C\x07\x1b]933;C\x07")), [1]);
});

test("output is found by the offset behind its mark, whatever came at once", async () => {
  const screen = new Screen();
  const first = new TextEncoder().encode(begin("one")).length;
  await screen.write(`${begin("one")}first\r\n\x1b]133;D;0\x07${begin("two")}second\r\n`);
  assert.equal(screen.line(first), "first");
  const second = await screen.write(begin("three"));
  await screen.write("third\r\n");
  assert.equal(screen.line(second), "third");
  assert.equal(screen.line(first), "first");
});

test("mark that two frames share is found, too", async () => {
  for (let cut = 1; cut < begin("x").length; cut += 1) {
    const screen = new Screen();
    await screen.write("before\r\n");
    await screen.write(begin("x").slice(0, cut));
    const start = await screen.write(begin("x").slice(cut));
    await screen.write("output\r\n");
    assert.equal(screen.line(start), "output", `cut at ${cut}`);
  }
});

test("output moves up with the scrollback, and is not found when it has left it", async () => {
  const screen = new Screen();
  const start = await screen.write(begin("x"));
  await screen.write("output\r\n");
  let found = 0;
  for (let line = 0; line < 80; line += 1) {
    await screen.write(`${line}\r\n`);
    const seen = screen.line(start);
    if (seen === null) break;
    assert.equal(seen, "output");
    found += 1;
  }
  assert.ok(found > 40 && found < 60, `found for ${found} lines`);
  const later = await screen.write(begin("y"));
  await screen.write("more\r\n");
  assert.equal(screen.line(start), null);
  assert.equal(screen.line(later), "more");
});

test("output is found after lines were wrapped anew", async () => {
  const screen = new Screen();
  await screen.write(`${"long ".repeat(12)}\r\n`);
  const first = await screen.write(begin("x"));
  await screen.write(`output ${"words ".repeat(9)}\r\n`);
  const second = await screen.write(begin("y"));
  await screen.write("other\r\n$ ");
  for (const cols of [9, 60, 20, 7]) {
    screen.resize(cols, 5);
    await screen.settled();
    assert.match(screen.line(first) ?? "", /^output words/, `first at ${cols}`);
    assert.equal(screen.line(second), "other", `second at ${cols}`);
  }
  for (let line = 0; line < 10; line += 1) await screen.write(`${line}\r\n`);
  assert.equal(screen.line(second), "other");
});

test("awaited place is noted when the output comes to it", async () => {
  const screen = new Screen();
  const start = await screen.write("$ ");
  assert.equal(screen.stream.await(start + 304), true);
  await screen.write(`${"x".repeat(298)}\r\nab\r\ncd\r\n`);
  assert.equal(screen.line(start + 304), "cd");
  assert.equal(screen.stream.await(start), false, "what is past");
});
