import assert from "node:assert/strict";
import { test } from "node:test";
import { InputLedger, KEPT_BYTES } from "../src/ledger";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (unsent: Uint8Array): string => new TextDecoder().decode(unsent);

test("offsets count the bytes of one shell", () => {
  const ledger = new InputLedger();
  ledger.begin(1);
  assert.equal(ledger.append(bytes("abc"), true), 0);
  assert.equal(ledger.append(bytes("de"), true), 3);
  ledger.begin(1);
  assert.equal(ledger.append(bytes("f"), true), 5);
  ledger.begin(2);
  assert.equal(ledger.append(bytes("g"), true), 0);
});

test("what the server lacks is sent again, nothing twice", () => {
  const ledger = new InputLedger();
  ledger.begin(1);
  ledger.append(bytes("hello "), true);
  ledger.append(bytes("world"), false);
  const { offset, bytes: left } = ledger.resume(4);
  assert.deepEqual([offset, text(left)], [4, "o world"]);
  const again = ledger.resume(11);
  assert.deepEqual([again.offset, again.bytes.length], [11, 0]);
});

test("offline input is refused beyond its limit, and taken again after a resume", () => {
  const ledger = new InputLedger();
  ledger.begin(1);
  assert.equal(ledger.append(new Uint8Array(KEPT_BYTES), false), 0);
  assert.equal(ledger.append(bytes("x"), false), null);
  ledger.resume(0);
  assert.equal(ledger.append(bytes("x"), false), KEPT_BYTES);
});

test("long typing keeps the last bytes only", () => {
  const ledger = new InputLedger();
  ledger.begin(1);
  for (let i = 0; i < 100; i += 1) ledger.append(new Uint8Array(4096).fill(i), true);
  const { offset, bytes: left } = ledger.resume(0);
  assert.ok(left.length >= KEPT_BYTES && left.length < KEPT_BYTES + 8192);
  assert.equal(offset + left.length, 100 * 4096);
});

test("offline input never pushes out what may not have arrived", () => {
  const ledger = new InputLedger();
  ledger.begin(1);
  ledger.append(new Uint8Array(KEPT_BYTES), true);
  ledger.append(new Uint8Array(KEPT_BYTES), false);
  assert.equal(ledger.resume(0).offset, 0);
});
