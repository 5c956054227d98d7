import { BlockCard, type BlockHost } from "./blockcard";
import type { Card } from "./card";
import { CheckCard } from "./checkcard";
import { drawDiagram } from "./diagram";
import { type Disposable, Disposables } from "./events";
import { announce } from "./notices";
import { ending } from "./outcome";
import type { BlockState, Busy, CheckState, Diagnostic, Page, StepProgress } from "./protocol";

// How often "2 min ago" is looked at again, and how long something runs.
const AGE_MS = 20_000;
const TICK_MS = 1000;

/** All blocks of the page that is shown. */
export class Blocks implements Disposable {
  readonly #cards: Card[] = [];
  readonly step: string;
  readonly #runs = new Map<string, number>();
  readonly #host: BlockHost;
  readonly #parts = new Disposables();

  constructor(root: ParentNode, { step, blocks, checks = [] }: Page, host: BlockHost) {
    this.step = step;
    this.#host = host;
    const byIndex = new Map(blocks.map((block) => [String(block.index), block]));
    for (const pre of root.querySelectorAll<HTMLElement>("pre[data-block]")) {
      const block = byIndex.get(pre.dataset.block ?? "");
      if (!block) continue;
      this.#runs.set(block.state.id, block.state.runs);
      if (block.kind === "mermaid") {
        this.#parts.add(drawDiagram(pre));
      } else {
        const isCheck = block.kind === "check";
        const card = isCheck
          ? new CheckCard(block, pre, host)
          : new BlockCard(block, pre, host, this);
        this.#cards.push(card);
      }
    }
    for (const state of checks) this.check(state, false);
    const ageing = setInterval(() => {
      const now = Date.now();
      for (const card of this.#cards) card.age(now);
    }, AGE_MS);
    this.#parts.add({ dispose: () => clearInterval(ageing) });
    const ticking = setInterval(() => {
      for (const card of this.#cards) card.tick();
    }, TICK_MS);
    this.#parts.add({ dispose: () => clearInterval(ticking) });
  }

  /** Colours blocks; needs styles, so it is asked for once the page is in the document. */
  colour(): void {
    for (const card of this.#cards) card.colour();
  }

  /** Marks the blocks that run under an id; gives the first of them. */
  flash(id: string): HTMLElement | null {
    const cards = this.#cards.filter((card) => card.block.state.id === id);
    return cards.map((card) => card.flash())[0] ?? null;
  }

  setRole(): void {
    for (const card of this.#cards) card.setRole();
  }

  /** Brings a block into view, and marks it for a moment. */
  reveal(index: number): void {
    const card = this.#cards.find(({ block }) => block.index === index);
    card?.flash().scrollIntoView({ block: "center" });
  }

  /** Brings who looked at a block's output back to it. */
  comeBack(index: number): void {
    const card = this.#cards.find(({ block }) => block.index === index);
    if (card instanceof BlockCard) card.comeBack();
  }

  /** Asks at a block what to do about its busy terminal. Says whether there is such a block. */
  question(index: number, busy: Busy): boolean {
    const card = this.#cards.find(({ block }) => block.index === index);
    if (!(card instanceof BlockCard)) return false;
    card.question(busy);
    return true;
  }

  /** How often the block with an id had run when its state was last told. */
  runs(id: string): number {
    return this.#runs.get(id) ?? 0;
  }

  /** Marks the blocks that problems are about; a click on a mark reveals the first of them. */
  mark(found: Diagnostic[], reveal: (found: Diagnostic) => void): void {
    const byBlock = new Map<number, Diagnostic[]>();
    for (const one of found) {
      if (one.block === undefined) continue;
      byBlock.set(one.block, [...(byBlock.get(one.block) ?? []), one]);
    }
    for (const card of this.#cards) card.mark(byBlock.get(card.block.index) ?? [], reveal);
  }

  /** Takes the state of a check of this page; one that is told `live` is news. */
  check(state: CheckState, live: boolean): void {
    if (state.step !== this.step) return;
    for (const card of this.#cards) {
      if (card.block.index === state.block) card.check(state, live);
    }
  }

  /** Takes how it stands at this page's step. */
  progress(progress: StepProgress | null): void {
    for (const card of this.#cards) card.progress(progress);
  }

  /** Takes a new state; one that is told `live` says that the block ran just now. */
  update(state: BlockState, live: boolean): void {
    const before = this.runs(state.id);
    this.#runs.set(state.id, state.runs);
    if (live && state.runs > before) this.#host.ran(state.id);
    for (const card of this.#cards) {
      if (card.block.state.id !== state.id) continue;
      const { last } = state;
      const own = last?.step === this.step && last.block === card.block.index ? last : null;
      card.update(state, own && state);
      const words = live && own ? ending(own, this.#host.terminalName(own.terminal)) : "";
      if (words) announce(words);
    }
  }

  dispose(): void {
    this.#parts.dispose();
    this.#cards.length = 0;
  }
}
