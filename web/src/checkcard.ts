import { ago } from "./ago";
import type { BlockCardHost, Card } from "./card";
import { markProblems } from "./diagnostics";
import { element, icon } from "./dom";
import { announce, noticeBody, sentence, withCode } from "./notices";
import type { Block, CheckState, Diagnostic, StepProgress } from "./protocol";
import { Requirement } from "./requirement";
import { Refusal } from "./rpc";

/** One check of a page: whether it passed, and if not, why and what to do. */
export class CheckCard implements Card {
  readonly block: Block;
  readonly #host: BlockCardHost;
  readonly #card: HTMLElement;
  readonly #run = element(
    "button",
    { type: "button", class: "block-run check-run" },
    icon("check"),
    element("span", {}, "Check"),
  );
  readonly #status = element("span", { class: "block-status" });
  readonly #age = element("time", { class: "block-age" });
  readonly #note = element("p", { class: "note note-error", hidden: true });
  readonly #result = element("p", { class: "note note-error check-result", hidden: true });
  readonly #output = element("pre", { class: "check-output" });
  readonly #details: HTMLElement;
  readonly #problems = element("button", { type: "button", class: "block-problems", hidden: true });
  readonly #requirement: Requirement;
  #state: CheckState | null = null;
  #skipped = false;
  // Whether this client waits for a result; those that come by themselves are told once.
  #asked = false;
  #told = "";

  constructor(block: Block, pre: HTMLElement, host: BlockCardHost) {
    this.block = block;
    this.#host = host;
    this.#requirement = new Requirement(block, () =>
      this.#ask(() => this.#host.skip(this.block.index)),
    );
    const name = block.title ?? "Check your work";
    const title = element("span", { class: "block-title" }, name);
    this.#run.setAttribute("aria-label", `Check: ${name}`);
    this.#run.onclick = () => this.#start();
    const bar = element(
      "div",
      { class: "block-bar" },
      this.#run,
      title,
      this.#requirement.mark,
      this.#problems,
      this.#status,
    );
    this.#details = element(
      "details",
      { class: "check-details", hidden: true },
      element("summary", {}, "What it wrote"),
      this.#output,
    );
    const text = element(
      "details",
      { class: "check-details check-text" },
      element("summary", {}, "What it runs"),
    );
    this.#card = element("section", {
      class: "block check",
      "data-kind": block.kind,
      "aria-label": name,
    });
    pre.replaceWith(this.#card);
    text.append(pre);
    const foot = element("div", { class: "check-foot" }, this.#details, text);
    this.#card.append(bar, this.#note, this.#result, this.#requirement.skip, foot);
    this.#paint();
  }

  /** Takes a state; one that is told `live` is news. */
  check(state: CheckState, live: boolean): void {
    this.#state = state;
    if (state.running) this.#note.hidden = true;
    this.#paint();
    if (live && !state.running) this.#announce();
    else if (!live) this.#told = this.#words();
  }

  progress(progress: StepProgress | null): void {
    this.#skipped = progress?.skipped.includes(this.block.index) ?? false;
    this.#requirement.paint(progress, this.#mayAct);
    this.#paint();
  }

  update(): void {}

  flash(): HTMLElement {
    return this.#card;
  }

  setRole(): void {
    this.#paint();
  }

  mark(found: Diagnostic[], reveal: (found: Diagnostic) => void): void {
    markProblems(this.#problems, found, reveal);
  }

  colour(): void {}

  tick(): void {}

  /** Says anew how long ago it ran. */
  age(now: number): void {
    const last = this.#state?.last;
    this.#age.hidden = !last || (this.#state?.running ?? false);
    if (!last) return;
    this.#age.dateTime = new Date(last.endedAt).toISOString();
    this.#age.textContent = ago(last.endedAt, now);
  }

  get #mayAct(): boolean {
    return this.#host.role !== "viewer";
  }

  #start(): void {
    if (this.#state?.running) return;
    if (!this.#mayAct) {
      this.#refuse("you are watching this lab; ask for the keyboard to run checks", null);
      return;
    }
    this.#asked = true;
    this.#ask(() => this.#host.run(this.block.index, "ask"));
  }

  #ask(request: () => Promise<unknown>): void {
    this.#note.hidden = true;
    request().catch((error: unknown) => {
      const hint = error instanceof Refusal ? error.hint : null;
      this.#refuse(error instanceof Error ? error.message : String(error), hint);
    });
  }

  #refuse(message: string, hint: string | null): void {
    this.#asked = false;
    this.#note.replaceChildren(noticeBody(message, hint));
    this.#note.hidden = false;
    announce([sentence(message), hint ? sentence(hint) : ""].join(" "));
  }

  #words(): string {
    const last = this.#state?.last;
    if (!last) return "";
    const name = this.block.title ?? "The check";
    if (last.passed) return `${name}: passed.`;
    const why = [last.message ?? "", last.hint ?? ""].map(sentence).join(" ");
    return `${name}: failed. ${why}`.trim();
  }

  #announce(): void {
    const words = this.#words();
    if (words && (this.#asked || words !== this.#told)) announce(words);
    this.#told = words;
    this.#asked = false;
  }

  #paint(): void {
    const last = this.#state?.last;
    const running = this.#state?.running ?? false;
    let state = "ready";
    let text = this.#skipped ? "skipped" : "not checked yet";
    if (running) [state, text] = ["running", "checking"];
    else if (last?.passed) [state, text] = ["done", "passed"];
    else if (last) [state, text] = ["failed", "failed"];
    this.#card.dataset.state = state;
    const mark = { done: icon("check"), failed: icon("close") }[state] ?? "";
    const label = element("span", { class: "block-outcome" }, text);
    this.#status.replaceChildren(mark, label, this.#age);
    this.#status.title = last ? `Last checked ${new Date(last.endedAt).toLocaleString()}` : "";
    const failed = last !== undefined && !last.passed && !running;
    this.#result.hidden = !failed;
    if (failed) this.#showFailure(last.message ?? "it failed", last.hint ?? null);
    this.#details.hidden = !last?.output;
    this.#output.textContent = last?.output ?? "";
    this.#run.setAttribute("aria-disabled", String(running || !this.#mayAct));
    this.#run.title = this.#mayAct
      ? "Checks your work beside the terminals"
      : "You are watching; who has the keyboard can run this";
    this.age(Date.now());
  }

  #showFailure(message: string, hint: string | null): void {
    const body = element("span", { class: "note-text" });
    for (const line of message.split("\n")) {
      body.append(element("span", { class: "check-line" }, ...withCode(sentence(line))));
    }
    for (const line of hint?.split("\n") ?? []) {
      body.append(element("span", { class: "note-hint" }, ...withCode(sentence(line))));
    }
    this.#result.replaceChildren(body);
  }
}
