import assert from "node:assert/strict";
import { test } from "node:test";
import { Terminal } from "@xterm/headless";
import { swallowQueries } from "../src/queries";

const QUERIES = [
  "\x1b[c",
  "\x1b[>c",
  "\x1b[=c",
  "\x1b[5n",
  "\x1b[6n",
  "\x1b[?6n",
  "\x1b[?25$p",
  "\x1b[4$p",
  "\x1bP$qm\x1b\\",
  "\x1bP+q544e\x1b\\",
  "\x1b[>q",
  "\x1b[18t",
  "\x1b[14t",
  "\x1b]4;1;?\x07",
  "\x1b]10;?\x07",
  "\x1b]11;?\x1b\\",
  "\x1b]12;?\x07",
  "\x1b]10;?;?\x07",
];

function answers(swallow: boolean): Promise<string> {
  const terminal = new Terminal({ allowProposedApi: true });
  if (swallow) swallowQueries(terminal.parser);
  let said = "";
  terminal.onData((data) => {
    said += data;
  });
  return new Promise((resolve) => terminal.write(QUERIES.join(""), () => resolve(said)));
}

test("no question of a program is answered by a tab", async () => {
  assert.notEqual(await answers(false), "");
  assert.equal(await answers(true), "");
});
