import type { WhenBusy } from "./busy";
import type {
  Block,
  BlockRun,
  BlockState,
  CheckState,
  Diagnostic,
  Role,
  StepProgress,
} from "./protocol";

/** What each card of a block needs of the lab around it. */
export interface BlockCardHost {
  readonly role: Role;
  run(block: number, when: WhenBusy): Promise<unknown>;
  /** Goes on without a block that the step requires. */
  skip(block: number): Promise<unknown>;
}

/** A block of a page, dressed for what it is. */
export interface Card {
  readonly block: Block;
  update(counts: Omit<BlockState, "last">, run: BlockRun | null): void;
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
