/** Bytes to send again, from where on. */
interface Unsent {
  offset: number;
  bytes: Uint8Array;
}

// What is kept for a connection that breaks: more than a person types, less than memory notices.
export const KEPT_BYTES = 64 * 1024;

/**
 * Remembers what was typed into one shell, so that after a lost connection exactly the bytes that
 * did not arrive are sent again.
 */
export class InputLedger {
  #generation = 0;
  #total = 0;
  #offline = 0;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;

  get generation(): number {
    return this.#generation;
  }

  /** Starts anew for another shell; the same one changes nothing. */
  begin(generation: number): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#total = 0;
    this.#offline = 0;
    this.#kept = [];
    this.#keptBytes = 0;
  }

  /** Notes typed bytes and gives their offset, or null where no more can be kept while offline. */
  append(bytes: Uint8Array, online: boolean): number | null {
    if (!online) {
      if (this.#offline + bytes.length > KEPT_BYTES) return null;
      this.#offline += bytes.length;
    }
    const offset = this.#total;
    this.#total += bytes.length;
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    const limit = KEPT_BYTES + this.#offline;
    let first = this.#kept[0];
    while (first && this.#keptBytes - first.length >= limit) {
      this.#kept.shift();
      this.#keptBytes -= first.length;
      first = this.#kept[0];
    }
    return offset;
  }

  /** What the server, which has `received` bytes, still lacks. */
  resume(received: number): Unsent {
    this.#offline = 0;
    const start = this.#total - this.#keptBytes;
    const all = new Uint8Array(this.#keptBytes);
    let at = 0;
    for (const piece of this.#kept) {
      all.set(piece, at);
      at += piece.length;
    }
    const offset = Math.min(Math.max(received, start), this.#total);
    return { offset, bytes: all.subarray(offset - start) };
  }
}
