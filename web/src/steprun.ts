import { element, icon } from "./dom";
import { announce, noticeBody, sentence } from "./notices";
import type { Block, Page, Role, StepRun } from "./protocol";

/** What the bar needs of the lab around it. */
export interface StepRunHost {
  readonly role: Role;
  runStep(): Promise<unknown>;
  stopStep(): Promise<unknown>;
  /** Brings a block into view. */
  reveal(block: number): void;
  fail(error: unknown): void;
}

/** Whether the block is run with the others: a check, or one that a click runs. */
function runs({ kind, limit, state }: Block): boolean {
  return kind === "check" || (kind === "executable" && (limit === null || state.runs < limit));
}

/** The bar above a step that runs all of its blocks, and says how far that is. */
export class StepRunBar {
  readonly element = element("div", { class: "step-run", hidden: true });
  readonly #host: StepRunHost;
  readonly #button = element("button", { type: "button", class: "step-run-button" });
  readonly #text = element("span", { class: "step-run-text" });
  readonly #meter = element("progress", { class: "step-run-meter", "aria-label": "Blocks run" });
  readonly #show = element("button", { type: "button", class: "step-run-show" }, "Show the block");
  #page: Page | null = null;
  #told: StepRun | null = null;
  #busy = false;

  constructor(host: StepRunHost) {
    this.#host = host;
    this.#button.onclick = () => this.#press();
    this.#show.onclick = () => {
      const block = this.#told?.block;
      if (typeof block === "number") this.#host.reveal(block);
    };
    this.element.append(this.#text, this.#meter, this.#show, this.#button);
  }

  /** Takes the page that is shown. */
  show(page: Page | null): void {
    this.#page = page;
    this.paint();
  }

  /** Takes how the lab's run of a step stands; what is told `live` is said, too. */
  update(told: StepRun | null, live: boolean): void {
    const before = this.#told;
    this.#told = told;
    this.paint();
    if (!live || !told || told.state === before?.state) return;
    if (told.state === "running") announce("Running all blocks.");
    else announce([this.#words(told), told.hint ?? ""].map(sentence).join(" ").trim());
  }

  paint(): void {
    const page = this.#page;
    const told = this.#told?.step === page?.step ? this.#told : null;
    const running = told?.state === "running";
    const count = page?.blocks.filter(runs).length ?? 0;
    const may = this.#host.role === "guest" || this.#host.role === "driver";
    const stopped = told?.state === "failed" || told?.state === "stopped";
    this.element.hidden = !running && !stopped && !(may && count > 1);
    this.element.dataset.state = told?.state ?? "ready";
    this.#text.replaceChildren(...(told ? this.#body(told) : []));
    this.#meter.hidden = !running;
    if (told) {
      this.#meter.max = told.total;
      this.#meter.value = told.done;
    }
    this.#show.hidden = typeof told?.block !== "number";
    this.#button.hidden = !may || (!running && count === 0);
    this.#button.setAttribute("aria-disabled", String(this.#busy));
    this.#button.replaceChildren(
      icon(running ? "stop" : "play"),
      running ? "Stop" : count > 1 ? `Run all ${count}` : "Run all",
    );
    this.#button.title = running
      ? "Run no further block; what runs goes on"
      : "Run all blocks of this step in order, up to the first that fails";
  }

  #body(told: StepRun): Node[] {
    if (told.state === "failed" || told.state === "stopped") {
      return [noticeBody(this.#words(told), told.hint)];
    }
    return [document.createTextNode(this.#words(told))];
  }

  #words({ state, block, done, total, message }: StepRun): string {
    const at = block === null ? done : Math.min(done + 1, total);
    switch (state) {
      case "running":
        return `Running ${at} of ${total}`;
      case "finished":
        return `All ${total} blocks were run`;
      default:
        return `Stopped at ${at} of ${total}: ${message ?? "it could not go on"}`;
    }
  }

  #press(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.paint();
    const running = this.#told?.state === "running" && this.#told.step === this.#page?.step;
    (running ? this.#host.stopStep() : this.#host.runStep())
      .catch((error: unknown) => this.#host.fail(error))
      .finally(() => {
        this.#busy = false;
        this.paint();
      });
  }
}
