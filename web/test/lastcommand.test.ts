import assert from "node:assert/strict";
import { test } from "node:test";
import { Terminal } from "@xterm/headless";
import { cursorRow, rowOfLastCommand } from "../src/lastcommand";

/** The row of the last command on a screen of 20 columns that shows `output`. */
async function found(output: string): Promise<number | null> {
  const terminal = new Terminal({ allowProposedApi: true, cols: 20, rows: 6 });
  await new Promise<void>((written) => terminal.write(output, written));
  const row = rowOfLastCommand(terminal.buffer.active);
  terminal.dispose();
  return row;
}

test("the last command begins at the nearest line with the same prompt", async () => {
  assert.equal(await found("$ one\r\n1\r\n$ two\r\n2\r\n$ "), 2);
  assert.equal(await found("$ one\r\n1\r\n$ \r\n$ "), 0, "empty prompts run nothing");
});

test("a command in the scrollback and one that wraps are found", async () => {
  const lines = Array.from({ length: 30 }, (_, n) => `line ${n}\r\n`).join("");
  assert.equal(await found(`$ seq\r\n${lines}$ `), 0);
  assert.equal(await found("$ echo more than twenty columns\r\nmore\r\n$ "), 0);
});

test("without a prompt at the cursor nothing is guessed", async () => {
  assert.equal(await found("$ one\r\n1\r\n$ sleep 9\r\n"), null, "a program runs");
  assert.equal(await found("$ "), null, "nothing ran");
  assert.equal(await found("/a $ cd b\r\n/a/b $ "), null, "the prompt is another one");
});

test("the line of the cursor begins where it began to wrap", async () => {
  const terminal = new Terminal({ allowProposedApi: true, cols: 20, rows: 6 });
  await new Promise<void>((written) => terminal.write(`a\r\n${"x".repeat(45)}`, written));
  assert.equal(cursorRow(terminal.buffer.active), 1);
  terminal.dispose();
});
