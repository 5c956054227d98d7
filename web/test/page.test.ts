import assert from "node:assert/strict";
import { test } from "node:test";
import { Terminal } from "@xterm/headless";
import { ago } from "../src/ago";
import { controlled, keySequence } from "../src/keys";
import { plainText } from "../src/plaintext";
import { Visits } from "../src/visits";

test("keys send what a terminal's keyboard sends", () => {
  assert.equal(keySequence("↑", false, false), "\x1b[A");
  assert.equal(keySequence("↑", false, true), "\x1bOA");
  assert.equal(keySequence("←", true, true), "\x1b[1;5D");
  assert.equal(keySequence("Esc", true, false), "\x1b");
  assert.equal(keySequence("|", false, false), "|");
});

test("held Ctrl makes control characters of letters, and leaves the rest", () => {
  assert.equal(controlled("c"), "\x03");
  assert.equal(controlled("C"), "\x03");
  assert.equal(controlled("["), "\x1b");
  assert.equal(controlled(" "), "\0");
  assert.equal(controlled("7"), "7");
  assert.equal(controlled("ä"), "ä");
  assert.equal(controlled("words"), "words");
});

test("time passed is told as people tell it", () => {
  const now = Date.UTC(2024, 4, 5, 12);
  assert.equal(ago(now - 5000, now), "just now");
  assert.equal(ago(now - 125_000, now), "2 min ago");
  assert.match(ago(now - 3 * 3_600_000, now), /^at /);
});

test("plain text joins wrapped lines and ends with the last one", async () => {
  const terminal = new Terminal({ cols: 10, rows: 5, allowProposedApi: true });
  await new Promise<void>((done) => terminal.write("0123456789abc\r\nnext  \r\n\r\n", done));
  assert.equal(plainText(terminal.buffer.active), "0123456789abc\nnext");
  assert.equal(plainText(terminal.buffer.active, 2), "next");
});

test("visits end with the lab's instance", () => {
  const visits = new Visits("test.visits");
  visits.begin("first");
  visits.visit("step1");
  visits.ran("block", 5);
  visits.begin("first");
  assert.equal(visits.visited("step1"), true);
  assert.equal(visits.visited("constructor"), false);
  assert.equal(visits.lastRun("constructor"), null);
  visits.begin("second");
  assert.equal(visits.visited("step1"), false);
  assert.equal(visits.lastRun("block"), null);
});
