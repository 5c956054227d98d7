import { ago } from "./ago";
import { busyQuestion, type WhenBusy } from "./busy";
import type { BlockCardHost, Card, Counts, Runs } from "./card";
import { copyText, tellCopied } from "./clipboard";
import { resolveColor, schemeOn } from "./contrast";
import { markProblems } from "./diagnostics";
import { element, icon, iconButton } from "./dom";
import { announce, noticeBody, sentence } from "./notices";
import { outcome, outcomeIcon, unexpected } from "./outcome";
import { type OutputHost, OutputTools } from "./outputtools";
import type { Block, BlockRun, BlockState, Busy, Diagnostic, StepProgress } from "./protocol";
import { RecordingButton } from "./recording";
import { Requirement } from "./requirement";
import { Refusal } from "./rpc";
import { KeptSelection } from "./selection";

/** What blocks need of the lab around them. */
export interface BlockHost extends BlockCardHost, OutputHost {
  terminalName(terminal: number): string;
  /** Takes back a block that is queued. */
  cancel(block: number): Promise<unknown>;
  /** Types Ctrl-C for a block that runs. */
  interrupt(block: number): Promise<unknown>;
  /** Answers a block from its recording, or ends that. */
  playRecording(block: number): Promise<unknown>;
  /** A run under a block's id was seen now. */
  ran(id: string): void;
  /** When that was last, in milliseconds since 1970; null where nobody saw it. */
  lastRun(id: string): number | null;
}

/** What a card needs of the page that it is on. */
interface CardPage {
  readonly step: string;
  /** Brings a block into view. */
  reveal(block: number): void;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** One code block of a page, dressed as a card that shows where it runs and how it stands. */
export class BlockCard implements Card {
  readonly block: Block;
  readonly #host: BlockHost;
  readonly #page: CardPage;
  readonly #card: HTMLElement;
  readonly #run: HTMLButtonElement | null;
  readonly #status = element("span", { class: "block-status" });
  readonly #age = element("time", { class: "block-age" });
  readonly #note = element("p", { class: "note", hidden: true });
  // Why the last run was not as its author expects.
  readonly #verdict = element("p", { class: "note note-error block-verdict", hidden: true });
  // Why the way on can't be opened by this block any more.
  readonly #stuck = element("p", { class: "note note-warning block-stuck", hidden: true });
  readonly #requirement: Requirement;
  readonly #stop = iconButton("stop", "Interrupt (Ctrl-C)", "icon-button block-stop");
  readonly #recording: RecordingButton;
  readonly #cancel = iconButton("close", "Take it back", "icon-button block-stop");
  readonly #output: OutputTools;
  readonly #problems = element("button", { type: "button", class: "block-problems", hidden: true });
  #state: BlockState;
  #sending = false;
  #selected: KeptSelection | null = null;
  #question: HTMLElement | null = null;

  constructor(block: Block, pre: HTMLElement, host: BlockHost, page: CardPage) {
    this.block = block;
    this.#host = host;
    this.#page = page;
    this.#state = block.state;
    const executable = block.kind === "executable";
    this.#requirement = new Requirement(block, () =>
      this.#ask(() => this.#host.skip(this.block.index)),
    );
    this.#run = executable ? this.#makeRun() : null;
    this.#recording = new RecordingButton(block, () =>
      this.#ask(() => this.#host.playRecording(this.block.index)),
    );
    const copy = iconButton("copy", "Copy", "icon-button block-copy");
    copy.onclick = () => this.#copy(copy);
    this.#output = new OutputTools(host, (request) => this.#ask(request));
    const bar = element(
      "div",
      { class: "block-bar" },
      this.#run,
      block.title ? element("span", { class: "block-title" }, block.title) : null,
      this.#marks(),
      this.#requirement.mark,
      this.#problems,
      // Together they take a line of their own where there is little room.
      element(
        "span",
        { class: "block-end" },
        this.#status,
        this.#stop,
        this.#recording.element,
        this.#cancel,
        this.#output.element,
      ),
      copy,
    );
    this.#cancel.onclick = () => this.#ask(() => this.#host.cancel(this.block.index));
    this.#stop.onclick = () => this.#ask(() => this.#host.interrupt(this.block.index));
    this.#card = element("div", { class: "block", "data-kind": block.kind });
    pre.replaceWith(this.#card);
    this.#card.append(bar, pre, this.#verdict, this.#stuck, this.#note, this.#requirement.skip);
    if (executable) {
      pre.addEventListener("pointerdown", () => {
        this.#selected = KeptSelection.of(pre);
      });
      pre.addEventListener("click", () => this.#clicked(pre));
    }
    this.#paint();
  }

  /** Takes new counts, and what became of its runs where that is told, too. */
  update(counts: Counts, runs: Runs | null): void {
    const { last, earlier } = runs ?? this.#state;
    this.#state = { ...counts, ...(last && { last }), ...(earlier && { earlier }) };
    this.#paint();
  }

  check(): void {}

  /** Takes what the step requires of it, and whether that is done. */
  progress(progress: StepProgress | null): void {
    this.#requirement.paint(progress, this.#host.role !== "viewer");
    this.#paint();
  }

  /** What is known of its last run. */
  get last(): BlockRun | null {
    return this.#state.last ?? null;
  }

  /** Marks the block for a moment as the one that runs. */
  flash(): HTMLElement {
    this.#card.classList.remove("flash");
    this.#card.getBoundingClientRect();
    this.#card.classList.add("flash");
    return this.#card;
  }

  /** Notes that this client may do more or less than before. */
  setRole(): void {
    this.#paint();
  }

  /** Brings who looked at the output back here. */
  comeBack(): void {
    this.flash().scrollIntoView({ block: "nearest" });
    this.#output.focus();
  }

  /** Marks the block for its author with what is wrong with it. */
  mark(found: Diagnostic[], reveal: (found: Diagnostic) => void): void {
    markProblems(this.#problems, found, reveal);
  }

  /** Gives the block the background that its author chose, with ink that can be read on it. */
  colour(): void {
    const { backgroundColor } = this.block;
    if (!backgroundColor) return;
    const base = getComputedStyle(this.#card).backgroundColor;
    const background = resolveColor(backgroundColor, base);
    if (!background) return;
    this.#card.style.setProperty("--block-background", `rgb(${background.join(" ")})`);
    this.#card.style.colorScheme = schemeOn(background);
    this.#card.classList.add("block-coloured");
  }

  #makeRun(): HTMLButtonElement {
    const name = this.#host.terminalName(this.block.terminal);
    const button = element(
      "button",
      { type: "button", class: "block-run" },
      icon("play"),
      element("span", { class: "block-terminal" }, name),
    );
    button.onclick = () => this.#start();
    return button;
  }

  #marks(): HTMLElement | null {
    if (this.block.kind === "text" || this.block.kind === "mermaid") {
      const label = this.block.language || "text";
      return element("span", { class: "block-language" }, label);
    }
    if (!this.block.interrupts) return null;
    const title = "Types Ctrl-C first, to end what runs in the terminal";
    return element("span", { class: "block-mark", title }, "Ctrl-C first");
  }

  get #exhausted(): boolean {
    const { runs } = this.#state;
    const { limit } = this.block;
    return limit !== null && runs >= limit;
  }

  #clicked(pre: HTMLElement): void {
    // Who selects text wants to copy it, not to run it.
    if (KeptSelection.of(pre)) return;
    const selected = this.#selected;
    this.#selected = null;
    // A click into selected text puts the selection away, as everywhere; it runs nothing.
    if (selected?.touches(pre)) return;
    selected?.restore();
    this.#start();
  }

  #start(): void {
    if (this.#sending) return;
    if (this.#host.role === "viewer") {
      this.#refuse("you are watching this lab; ask for the keyboard to run blocks", null);
      return;
    }
    if (this.#exhausted) {
      this.#refuse(this.#limitText(), this.#wayOut());
      return;
    }
    this.#unask();
    this.#send("ask");
  }

  /** Asks what to do about the busy terminal that it was to run in. */
  question(busy: Busy): void {
    const { step, block } = busy;
    const elsewhere = block === undefined || step !== this.#page.step || block === this.block.index;
    this.#unask();
    const close = (): void => {
      this.#unask();
      this.#run?.focus();
    };
    this.#question = busyQuestion({
      busy,
      terminal: this.#host.terminalName(busy.terminal),
      reveal: elsewhere ? null : () => this.#page.reveal(block),
      answer: (answer) => {
        close();
        this.#send(answer);
      },
      cancel: close,
    });
    this.#card.append(this.#question);
    this.#question.scrollIntoView({ block: "nearest" });
    this.#question.querySelector<HTMLElement>(".busy-answer")?.focus({ preventScroll: true });
  }

  #unask(): void {
    this.#question?.remove();
    this.#question = null;
  }

  #send(when: WhenBusy): void {
    this.#ask(() => this.#host.run(this.block.index, when));
  }

  #ask(request: () => Promise<unknown>): void {
    if (this.#sending) return;
    this.#sending = true;
    this.#note.hidden = true;
    this.#paint();
    request()
      .catch((error: unknown) => {
        if (error instanceof Refusal && error.busy) {
          this.question(error.busy);
          return;
        }
        const hint = error instanceof Refusal ? error.hint : null;
        this.#refuse(error instanceof Error ? error.message : String(error), hint);
      })
      .finally(() => {
        this.#sending = false;
        this.#paint();
      });
  }

  #limitText(): string {
    const { limit } = this.block;
    if (limit === 0) return "this block may not run: its limit is 0";
    return `this block may run ${times(limit ?? 0)} only, and it did`;
  }

  /** What is to be done about a block that may not run again, though the step requires it. */
  #wayOut(): string | null {
    if (!this.#requirement.waits) return null;
    const skippable = this.block.required === "skippable";
    return `the step requires it: ${skippable ? "skip it below, or " : ""}start the lab over to run it again`;
  }

  #refuse(message: string, hint: string | null): void {
    this.#note.className = "note note-error";
    this.#note.replaceChildren(noticeBody(message, hint));
    this.#note.hidden = false;
    announce([sentence(message), hint ? sentence(hint) : ""].join(" "));
  }

  #copy(button: HTMLButtonElement): void {
    const tell = (copied: boolean): void => tellCopied(button, copied);
    copyText(this.block.command.replace(/\n$/, "")).then(tell, () => tell(false));
  }

  #paint(): void {
    const { runs, waiting } = this.#state;
    const shown = outcome(this.#state, Date.now());
    let state = "ready";
    let text = "";
    if (this.block.kind !== "executable") {
      state = "quiet";
      text = this.block.kind === "text" ? "not executable" : "";
    } else if (shown?.state === "queued") {
      ({ state, text } = shown);
    } else if (waiting > 0) {
      state = "waiting";
      text = waiting > 1 ? `${waiting} runs wait` : "waiting for the terminal";
    } else if (this.#sending) {
      state = "sending";
      text = "sending";
    } else if (shown?.state === "running" || shown?.state === "dropped") {
      ({ state, text } = shown);
    } else if (this.#exhausted) {
      state = "exhausted";
      text = runs > 0 ? `${shown?.text ?? "waiting"}, limit reached` : "limit is 0";
    } else if (shown) {
      ({ state, text } = shown);
    } else if (runs > 0) {
      state = "waiting";
      text = "waiting for the shell";
    }
    this.#card.dataset.state = state;
    // One that may not run again says, too, why it failed.
    const ended = state === "failed" || state === "exhausted";
    const failed = ended && this.last?.state === "failed" ? unexpected(this.last) : null;
    this.#verdict.hidden = failed === null;
    if (failed) this.#verdict.replaceChildren(noticeBody(failed.message, failed.hint));
    this.#stuck.hidden = state !== "exhausted" || runs === 0 || this.#wayOut() === null;
    if (!this.#stuck.hidden) {
      this.#stuck.replaceChildren(noticeBody(this.#limitText(), this.#wayOut()));
    }
    const label = element("span", { class: "block-outcome" }, text);
    this.#status.replaceChildren(outcomeIcon(shown), label, this.#age);
    const running = this.last?.state === "running" || this.#state.earlier !== undefined;
    this.#stop.hidden = !running || this.#host.role === "viewer";
    this.#recording.paint(this.#state, this.#host.role);
    this.#cancel.hidden = state !== "queued" || this.#host.role === "viewer";
    this.#status.title = this.#history();
    this.#output.update(this.last, this.#host.terminalName(this.block.terminal));
    this.age(Date.now());
    if (this.#run) this.#nameRun(this.#run, state);
  }

  /** Says anew how long ago the block ran. */
  age(now: number): void {
    const last = this.#lastTime();
    const ended = ["done", "failed", "sent", "recorded"].includes(this.#card.dataset.state ?? "");
    this.#age.hidden = last === null || !ended;
    if (last === null) return;
    this.#age.dateTime = new Date(last).toISOString();
    this.#age.textContent = ago(last, now);
  }

  /** Says anew how long the block runs. */
  tick(): void {
    if (!this.#stop.hidden || this.#card.dataset.state === "running") this.#paint();
  }

  /** When the block last ended, or was last seen to run; null where nobody knows. */
  #lastTime(): number | null {
    if (this.#state.runs === 0) return null;
    return this.last?.endedAt ?? this.last?.startedAt ?? this.#host.lastRun(this.block.id);
  }

  #history(): string {
    const { runs } = this.#state;
    const { limit } = this.block;
    const last = this.#lastTime();
    const ran = runs > 0 ? [`ran ${times(runs)}`] : [];
    if (runs > 0 && last !== null) ran.push(`last on ${new Date(last).toLocaleString()}`);
    if (limit !== null) ran.push(`may run ${times(limit)}`);
    return sentence(ran.join(", "));
  }

  #nameRun(run: HTMLButtonElement, state: string): void {
    const name = this.#host.terminalName(this.block.terminal);
    const viewer = this.#host.role === "viewer";
    const off = state === "exhausted" || viewer;
    const { title } = this.block;
    let label = title ? `Run “${title}” in ${name}` : `Run in ${name}`;
    if (state === "exhausted") label = `${name}: limit reached, does not run again`;
    else if (viewer) label = `${name}: you are watching; who has the keyboard can run this`;
    run.setAttribute("aria-disabled", String(off));
    run.setAttribute("aria-label", label);
    run.title = label;
  }
}
