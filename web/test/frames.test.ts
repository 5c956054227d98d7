import assert from "node:assert/strict";
import { test } from "node:test";
import { inputFrame, parseFrame } from "../src/frames";

function bytes(...values: number[]): ArrayBuffer {
  return new Uint8Array(values).buffer;
}

const HEADER = [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 1, 0];

test("output frame gives its bytes and their place", () => {
  const frame = parseFrame(bytes(1, 0, ...HEADER, 120, 121));
  assert.equal(frame?.kind, "output");
  assert.equal(frame?.terminal, 0x0102);
  assert.equal(frame?.generation, 0x03040506);
  assert.equal(frame?.offset, 256);
  assert.deepEqual(frame?.kind === "output" && [...frame.payload], [120, 121]);
});

test("snapshot frame gives its size before its bytes", () => {
  const frame = parseFrame(bytes(2, 0, ...HEADER, 0, 80, 0, 24, 65));
  assert.ok(frame?.kind === "snapshot");
  assert.deepEqual([frame.cols, frame.rows, ...frame.payload], [80, 24, 65]);
});

test("unknown, short and client frames are nothing", () => {
  assert.equal(parseFrame(bytes()), null);
  assert.equal(parseFrame(bytes(1, 0, 0)), null);
  assert.equal(parseFrame(bytes(2, 0, ...HEADER, 0, 80)), null);
  assert.equal(parseFrame(bytes(9, 0, ...HEADER)), null);
  assert.equal(parseFrame(bytes(4, 0, ...HEADER)), null);
});

test("input frame has the documented layout", () => {
  const frame = inputFrame(0x0102, 0x03040506, 7, new Uint8Array([120, 121]));
  assert.deepEqual([...frame], [4, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 7, 120, 121]);
});
