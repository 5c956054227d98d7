import { copyText } from "./clipboard";
import type { OutputHost } from "./outputtools";
import type { Pane } from "./pane";
import type { BlockRun, Role } from "./protocol";

/** What finding a run's output needs of the lab. */
interface RunOutputHost {
  readonly role: Role;
  pane(terminal: number): Pane | undefined;
  reveal(terminal: number): void;
  turnToSteps(): void;
  /** Brings the block of a run into view, if its step is still shown. */
  comeBack(run: BlockRun): void;
  /** Shows text that is no longer in its terminal. */
  show(heading: string, text: string): void;
}

const NOT_HERE = "this output is no longer in the terminal";

/** Finds what runs have printed: in the terminal, or else in the server's recording of it. */
export class RunOutput implements OutputHost {
  readonly #host: RunOutputHost;

  constructor(host: RunOutputHost) {
    this.#host = host;
  }

  async showOutput(run: BlockRun): Promise<void> {
    const pane = this.#host.pane(run.terminal);
    const returning = (): void => {
      this.#host.turnToSteps();
      // The page may have been shown anew meanwhile, so that its block is another element.
      this.#host.comeBack(run);
    };
    if (pane?.terminal.outputBegins(run)) {
      this.#host.reveal(run.terminal);
      pane.showOutput(run, returning);
      return;
    }
    const text = await this.#recorded(run, pane);
    this.#host.show(`Output of a block${pane ? ` in ${pane.name}` : ""}`, text);
  }

  async copyOutput(run: BlockRun): Promise<boolean> {
    const pane = this.#host.pane(run.terminal);
    const text = pane?.terminal.outputOf(run) ?? (await this.#recorded(run, pane));
    return await copyText(text);
  }

  /** Reads the output of a block's last run from the recording; links lead to none. */
  async #recorded(run: BlockRun, pane: Pane | undefined): Promise<string> {
    if (this.#host.role !== "driver") {
      if (pane?.terminal.fullScreen) throw new Error("a program has the terminal's whole screen");
      throw new Error(NOT_HERE);
    }
    const query = new URLSearchParams({ step: run.step, block: String(run.block) });
    const answer = await fetch(`output?${query}`, { cache: "no-store" });
    const text = await answer.text();
    if (!answer.ok) throw new Error(answer.status === 404 && text.length < 200 ? text : NOT_HERE);
    return text.replace(/\n$/, "");
  }
}
