import {
  FRAME_INPUT,
  FRAME_MORE_FLAG,
  FRAME_OUTPUT,
  FRAME_PREVIEW,
  FRAME_REPLAY_FLAG,
  FRAME_RESIZE,
  FRAME_SNAPSHOT,
  HEADER_BYTES,
} from "./protocol";

/** A binary frame of the server, as `src/protocol/frame.rs` lays it out. */
export type Frame = { terminal: number; generation: number; offset: number } & (
  | { kind: "output"; replay: boolean; more: boolean; payload: Uint8Array }
  | { kind: "snapshot"; cols: number; rows: number; more: boolean; payload: Uint8Array }
  | { kind: "preview"; cols: number; rows: number; payload: Uint8Array }
  | { kind: "resize"; cols: number; rows: number }
);

const SIZE_BYTES = 4;

/** Reads a frame, or gives null for one that this client does not know. */
export function parseFrame(buffer: ArrayBuffer): Frame | null {
  if (buffer.byteLength < HEADER_BYTES) return null;
  const view = new DataView(buffer);
  const header = {
    terminal: view.getUint16(2),
    generation: view.getUint32(4),
    offset: Number(view.getBigUint64(8)),
  };
  const kind = view.getUint8(0);
  const flags = view.getUint8(1);
  const more = (flags & FRAME_MORE_FLAG) !== 0;
  if (kind === FRAME_OUTPUT) {
    const replay = (flags & FRAME_REPLAY_FLAG) !== 0;
    const payload = new Uint8Array(buffer, HEADER_BYTES);
    return { ...header, kind: "output", replay, more, payload };
  }
  if (kind !== FRAME_SNAPSHOT && kind !== FRAME_RESIZE && kind !== FRAME_PREVIEW) return null;
  if (buffer.byteLength < HEADER_BYTES + SIZE_BYTES) return null;
  const size = { cols: view.getUint16(HEADER_BYTES), rows: view.getUint16(HEADER_BYTES + 2) };
  if (kind === FRAME_RESIZE) return { ...header, ...size, kind: "resize" };
  const payload = new Uint8Array(buffer, HEADER_BYTES + SIZE_BYTES);
  if (kind === FRAME_PREVIEW) return { ...header, ...size, kind: "preview", payload };
  return { ...header, ...size, kind: "snapshot", more, payload };
}

/** Makes the frame for bytes that were typed. */
export function inputFrame(
  terminal: number,
  generation: number,
  offset: number,
  bytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEADER_BYTES + bytes.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, FRAME_INPUT);
  view.setUint16(2, terminal);
  view.setUint32(4, generation);
  view.setBigUint64(8, BigInt(offset));
  frame.set(bytes, HEADER_BYTES);
  return frame;
}
