import { ANSWERS, occupation, type WhenBusy } from "./busy";
import { notify } from "./notices";
import type { PageView } from "./page";
import type { BlockState, Busy, ExecuteCommandResult, JsonValue } from "./protocol";
import { Refusal } from "./rpc";
import type { Terminals } from "./terminals";

/** What commands about the page need of the lab. */
interface PageCommandsHost {
  readonly page: PageView;
  readonly terminals: Terminals | null;
  execute(command: string, args?: JsonValue[]): Promise<ExecuteCommandResult>;
  turnToSteps(): void;
  fail(error: unknown): void;
}

/** Executes what somebody does on the page, and knows this tab's runs from others'. */
export class PageCommands {
  readonly #host: PageCommandsHost;
  // Blocks that this tab runs at the moment, by their ids.
  readonly #running = new Set<string>();

  constructor(host: PageCommandsHost) {
    this.#host = host;
  }

  /** Whether this tab itself runs a block at the moment. */
  runs(id: string): boolean {
    return this.#running.has(id);
  }

  async runBlock(block: number, when: WhenBusy): Promise<void> {
    const { page, terminals } = this.#host;
    const shown = page.page?.blocks.find(({ index }) => index === block);
    if (!shown) return;
    const { id } = shown.state;
    if (shown.kind !== "check") terminals?.pane(shown.terminal)?.terminal.markCommand();
    this.#running.add(id);
    try {
      await this.execute("katahost.runBlock", { block, whenBusy: when });
    } finally {
      this.#running.delete(id);
    }
  }

  /** Runs the block after the one that ran last, and asks at it where its terminal is busy. */
  runNext(): void {
    const asked = this.#host.execute("katahost.runNextBlock", [{ whenBusy: "ask" }]);
    asked.catch((error: unknown) => {
      const busy = error instanceof Refusal ? error.busy : null;
      if (busy) this.#question(busy);
      else this.#host.fail(error);
    });
  }

  /** Executes a command about the page that is shown, and brings the terminals typed into in view. */
  async execute(
    command: string,
    target: { block: number; whenBusy?: WhenBusy } | { link: number },
  ): Promise<void> {
    const { page: view } = this.#host;
    const { page } = view;
    if (!page) return;
    const argument = { step: page.step, revision: page.revision, ...target };
    const { terminals } = await this.#host.execute(command, [argument]);
    // Who followed a link came to read; a narrow window must not hide the step for its commands.
    if (view.page !== page) return;
    for (const terminal of terminals) this.#host.terminals?.reveal(terminal);
  }

  /** Notes where a command begins that another tab or program runs from this page. */
  markOthers(state: BlockState): void {
    const { page, terminals } = this.#host;
    if (this.#running.has(state.id)) return;
    for (const block of page.page?.blocks ?? []) {
      if (block.state.id !== state.id || state.runs <= page.runs(state.id)) continue;
      terminals?.pane(block.terminal)?.terminal.markCommand();
    }
  }

  #question(busy: Busy): void {
    const { page, terminals } = this.#host;
    const { wanted, terminal } = busy;
    if (wanted === undefined) return;
    this.#host.turnToSteps();
    if (page.question(wanted, busy)) return;
    const name = terminals?.pane(terminal)?.name ?? "terminal";
    notify({
      severity: "warning",
      message: occupation(busy, name, Date.now()),
      choices: ANSWERS.map(({ answer, label }) => ({
        label,
        run: () => this.#runNextAnswered(wanted, answer),
      })),
    });
  }

  #runNextAnswered(block: number, whenBusy: WhenBusy): void {
    const answered = this.#host.execute("katahost.runNextBlock", [{ whenBusy, block }]);
    answered.catch((error: unknown) => this.#host.fail(error));
  }
}
