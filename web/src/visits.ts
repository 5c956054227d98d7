import { recall, remember } from "./storage";

interface Stored {
  instance: string;
  visited: string[];
  runs: Record<string, number>;
}

/**
 * What this browser remembers of a person's way through a lab: the steps seen, and when blocks ran.
 * It ends with the lab's instance.
 */
export class Visits {
  readonly #key: string;
  #stored: Stored;

  constructor(key: string) {
    this.#key = key;
    this.#stored = this.#read();
  }

  /** Says which run of the lab is shown. */
  begin(instance: string): void {
    this.#update((stored) => {
      if (stored.instance === instance) return;
      stored.instance = instance;
      stored.visited = [];
      stored.runs = {};
    });
  }

  visit(step: string): void {
    this.#update((stored) => {
      if (!stored.visited.includes(step)) stored.visited.push(step);
    });
  }

  visited(step: string): boolean {
    return this.#stored.visited.includes(step);
  }

  /** Notes that a block ran, in milliseconds since 1970. */
  ran(block: string, at: number): void {
    this.#update((stored) => {
      stored.runs[block] = at;
    });
  }

  lastRun(block: string): number | null {
    return this.#stored.runs[block] ?? null;
  }

  // Other tabs write the same entry; what they noted meanwhile is kept.
  #update(change: (stored: Stored) => void): void {
    this.#stored = this.#read();
    change(this.#stored);
    remember(this.#key, JSON.stringify(this.#stored));
  }

  #read(): Stored {
    const record = (value: unknown): object =>
      typeof value === "object" && value !== null ? value : {};
    let found: Partial<Stored> = {};
    try {
      found = record(JSON.parse(recall(this.#key) ?? "{}"));
    } catch {
      // What can't be read is forgotten with the next note.
    }
    // Without a prototype, a block named `constructor` is as unknown as any other.
    return {
      instance: typeof found.instance === "string" ? found.instance : "",
      visited: Array.isArray(found.visited) ? found.visited : [],
      runs: Object.assign(Object.create(null), record(found.runs)),
    };
  }
}
