import type { WhenBusy } from "./busy";
import type { Block, BlockState, CheckState, Diagnostic, Role, StepProgress } from "./protocol";

/** What each card of a block needs of the lab around it. */
export interface BlockCardHost {
  readonly role: Role;
  run(block: number, when: WhenBusy): Promise<unknown>;
  /** Goes on without a block that the step requires. */
  skip(block: number): Promise<unknown>;
}

/** How often the blocks of an id were run. */
export type Counts = Pick<BlockState, "id" | "runs" | "waiting">;

/** A block's last run, and one before it whose commands still run. */
export type Runs = Pick<BlockState, "last" | "earlier">;

/** A block of a page, dressed for what it is. */
export interface Card {
  readonly block: Block;
  /** Takes the counts of its id, and where its own runs are told of, those. */
  update(counts: Counts, runs: Runs | null): void;
  /** Takes the state of a check; one that is told `live` is news. */
  check(state: CheckState, live: boolean): void;
  /** Takes how it stands at the step. */
  progress(progress: StepProgress | null): void;
  flash(): HTMLElement;
  setRole(): void;
  mark(found: Diagnostic[], reveal: (found: Diagnostic) => void): void;
  colour(): void;
  age(now: number): void;
  tick(): void;
}
