import { tellCopied } from "./clipboard";
import { element, iconButton } from "./dom";
import type { BlockRun } from "./protocol";

/** What a block's card does with the output of its last run. */
export interface OutputHost {
  /** Shows it in its terminal, from where a way leads back to the block. */
  showOutput(run: BlockRun): Promise<unknown>;
  /** Puts it on the clipboard, as a person saw it; false where the browser does not allow that. */
  copyOutput(run: BlockRun): Promise<boolean>;
}

/** The two small buttons of a block that has run: to its output, and its output to the clipboard. */
export class OutputTools {
  readonly element: HTMLElement;
  readonly #show: HTMLButtonElement;
  readonly #copy = iconButton("copy-output", "Copy output", "icon-button block-copy-output");
  #run: BlockRun | null = null;

  /** `ask` runs what a click asks for, and tells of what failed. */
  constructor(host: OutputHost, ask: (request: () => Promise<unknown>) => void) {
    this.#show = iconButton("output", "Show output", "icon-button block-show-output");
    this.#show.onclick = () => {
      const run = this.#run;
      if (run) ask(() => host.showOutput(run));
    };
    this.#copy.onclick = () => {
      const run = this.#run;
      if (!run) return;
      ask(async () => tellCopied(this.#copy, await host.copyOutput(run), "Output copied"));
    };
    this.element = element("span", { class: "block-output", hidden: true }, this.#show, this.#copy);
  }

  /** Notes what became of the block's last run: there is output from where it began. */
  update(run: BlockRun | null, terminal: string): void {
    this.#run = run;
    this.element.hidden = run?.start === undefined;
    const label = `Show output in ${terminal}`;
    this.#show.title = label;
    this.#show.setAttribute("aria-label", label);
  }

  focus(): void {
    this.#show.focus({ preventScroll: true });
  }
}
