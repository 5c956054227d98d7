const FIRST_MS = 500;
const LONGEST_MS = 8000;

/** Waiting times between attempts: doubling from 0.5 s to 8 s, each shortened by up to a third. */
export class Backoff {
  #attempts = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  next(): number {
    const full = Math.min(FIRST_MS * 2 ** this.#attempts, LONGEST_MS);
    this.#attempts += 1;
    return Math.round(full * (1 - this.#random() / 3));
  }

  reset(): void {
    this.#attempts = 0;
  }
}
