import { ANSWERS, occupation } from "./busy";
import { Connection } from "./connection";
import { element, icon, required, stayHere } from "./dom";
import { Executions, uniqueId } from "./executions";
import { announce, noticeBody } from "./notices";
import {
  BLOCK_STATE,
  type Block,
  type Busy,
  type ExecuteCommandResult,
  type JsonValue,
  LAB_STATE,
  LAB_TERMINALS,
  type LabState,
  PAGE_SHOW,
  type Page,
  TERMINAL_OPENED,
  type TerminalInfo,
  VERSION,
} from "./protocol";
import { plays } from "./recording";
import { type Notification, Refusal } from "./rpc";
import { StatusView } from "./status";

// A thumb that trembles must not run a block twice.
const DEBOUNCE_MS = 600;
const SHOWN_LINES = 6;
const RUN_NEXT = "katahost.runNextBlock";

/** A phone as a presenter's remote control: four large buttons, and what they do next. */
export class Remote {
  readonly #connection: Connection;
  readonly #executions: Executions;
  readonly #status: StatusView;
  readonly #clientId = uniqueId();
  readonly #title = element("h2", { class: "remote-title" }, "…");
  readonly #next = element("div", { class: "remote-next" });
  readonly #result = element("p", { class: "remote-result", role: "status" });
  readonly #recording: HTMLButtonElement;
  readonly #buttons: HTMLButtonElement[];
  #instance: string | null = null;
  #page: Page | null = null;
  #terminals: TerminalInfo[] = [];
  // The index of the block that ran last since the step was shown.
  #last = -1;
  #busy = false;
  #pressed = Number.NEGATIVE_INFINITY;

  constructor() {
    const url = new URL("ws", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = "";
    this.#connection = new Connection(url, () => ({
      protocolVersion: VERSION,
      clientId: this.#clientId,
      attach: false,
    }));
    this.#executions = new Executions(this.#connection);
    this.#status = new StatusView(this.#connection);
    const key = (label: string, className: string, command: string): HTMLButtonElement => {
      const button = element("button", { type: "button", class: `remote-key ${className}` }, label);
      button.onclick = () => this.#press(command, command === RUN_NEXT ? [this.#nextRun] : []);
      return button;
    };
    const run = key("Run the next block", "remote-run", RUN_NEXT);
    run.prepend(icon("play"));
    const back = key("Back", "", "katahost.previousStep");
    const ahead = key("Next step", "", "katahost.nextStep");
    const clear = key("Clear terminal", "remote-clear", "workbench.action.terminal.clear");
    this.#recording = key("Show the recording", "remote-recording", "katahost.playRecording");
    this.#buttons = [run, back, ahead, clear, this.#recording];
    for (const left of document.querySelectorAll(".skip, #step-menu, #tools, #tabs, #keys")) {
      left.remove();
    }
    stayHere();
    required("workspace").replaceChildren(
      required("banner"),
      element(
        "section",
        { class: "remote", "aria-label": "Remote control" },
        this.#title,
        this.#next,
        this.#result,
        element("div", { class: "remote-keys" }, clear, this.#recording, back, ahead, run),
      ),
    );
    this.#connection.onReady.on((state) => this.#ready(state));
    this.#connection.onNotification.on((notification) => this.#notified(notification));
    this.#connection.onState.on(() => this.#paint());
    document.addEventListener("visibilitychange", () => this.#stayAwake());
    this.#paint();
  }

  start(): void {
    this.#connection.start();
    this.#stayAwake();
  }

  #ready(state: LabState): void {
    if (this.#instance !== null && this.#instance !== state.instance) this.#executions.forget();
    else this.#executions.resend();
    this.#take(state);
  }

  #take(state: LabState): void {
    this.#instance = state.instance;
    this.#terminals = state.terminals;
    this.#status.setClients(1);
    required("scenario").textContent = state.title;
    this.#show(state.page);
    this.#last = state.lastBlock ?? -1;
    this.#paint();
  }

  #show(page: Page | null): void {
    if (page?.step !== this.#page?.step) this.#last = -1;
    this.#page = page;
    document.title = page ? `${page.title} · remote` : "Remote";
    this.#paint();
  }

  #notified(notification: Notification): void {
    switch (notification.method) {
      case LAB_STATE:
        this.#take(notification.params);
        announce("The lab was started over.");
        return;
      case PAGE_SHOW:
        this.#show(notification.params.page);
        return;
      case LAB_TERMINALS:
        this.#terminals = notification.params.terminals;
        this.#paint();
        return;
      case TERMINAL_OPENED:
        this.#terminals = this.#terminals.map((known) =>
          known.terminal === notification.params.terminal ? notification.params : known,
        );
        return;
      case BLOCK_STATE: {
        const state = notification.params;
        const { runs, waiting, last } = state;
        for (const block of this.#page?.blocks ?? []) {
          if (block.state.id !== state.id) continue;
          // Blocks that share an id share its counts; the run is that of one of them.
          const own = last?.step === this.#page?.step && last?.block === block.index;
          if (own && runs > block.state.runs) this.#last = block.index;
          block.state = own ? state : { ...block.state, runs, waiting };
        }
        this.#paint();
      }
    }
  }

  get #nextBlock(): Block | null {
    const blocks = this.#page?.blocks ?? [];
    const runs = ({ kind, index, limit, state }: Block): boolean =>
      index > this.#last && kind === "executable" && (limit === null || state.runs < limit);
    return blocks.find(runs) ?? null;
  }

  /** Asks for the block that is shown, and no other. A busy terminal is asked about, as on the page. */
  get #nextRun(): JsonValue {
    const block = this.#nextBlock?.index;
    return { whenBusy: "ask", ...(block === undefined ? {} : { block }) };
  }

  #name(terminal: number): string {
    return this.#terminals.find((info) => info.terminal === terminal)?.name ?? "terminal";
  }

  #press(command: string, args: JsonValue[] = []): void {
    const now = performance.now();
    const early = now - this.#pressed < DEBOUNCE_MS;
    if (this.#busy || early || !this.#connection.open) return;
    this.#pressed = now;
    this.#busy = true;
    this.#paint();
    navigator.vibrate?.(15);
    this.#executions
      .execute(command, args)
      .then(
        (result) => this.#done(command, result),
        (error: unknown) => this.#failed(error),
      )
      .finally(() => {
        this.#busy = false;
        this.#paint();
      });
  }

  #done(command: string, { terminals }: ExecuteCommandResult): void {
    const names = terminals.map((terminal) => this.#name(terminal)).join(", ");
    let text = "Cleared";
    if (command.endsWith("Step")) text = `Now at “${this.#page?.title ?? ""}”`;
    else if (command.endsWith("Block")) text = `Ran in ${names}`;
    else if (command.endsWith("Recording")) text = `The recording, in ${names}`;
    this.#result.className = "remote-result";
    this.#result.replaceChildren(icon("check"), text);
  }

  #failed(error: unknown): void {
    navigator.vibrate?.([30, 60, 30]);
    const message = error instanceof Error ? error.message : String(error);
    const hint = error instanceof Refusal ? error.hint : null;
    this.#result.className = "remote-result remote-refused";
    this.#result.replaceChildren(noticeBody(message, hint));
    const busy = error instanceof Refusal ? error.busy : null;
    if (busy) this.#question(busy);
  }

  /** Asks what to do about the busy terminal of the next block. */
  #question(busy: Busy): void {
    const words = occupation(busy, this.#name(busy.terminal), Date.now());
    const button = (label: string, act: () => void): HTMLButtonElement => {
      const made = element("button", { type: "button", class: "remote-answer" }, label);
      made.onclick = act;
      return made;
    };
    const answers = ANSWERS.map(({ answer, label }) =>
      button(label, () => {
        const args = {
          whenBusy: answer,
          ...(busy.wanted === undefined ? {} : { block: busy.wanted }),
        };
        this.#pressed = Number.NEGATIVE_INFINITY;
        this.#press(RUN_NEXT, [args]);
      }),
    );
    const cancel = button("Cancel", () => this.#result.replaceChildren());
    this.#result.replaceChildren(
      noticeBody(words, null),
      element("span", { class: "remote-answers" }, ...answers, cancel),
    );
  }

  #paint(): void {
    const off = this.#busy || !this.#connection.open;
    for (const button of this.#buttons) button.setAttribute("aria-disabled", String(off));
    const page = this.#page;
    const last = page?.blocks.find(({ index }) => index === this.#last);
    this.#recording.hidden = !last?.recorded;
    const label = last && plays(last.state) ? "End the recording" : "Show the recording";
    this.#recording.replaceChildren(icon("film"), label);
    this.#title.textContent = page?.title ?? "This step could not be read";
    const block = this.#nextBlock;
    if (!block) {
      this.#next.replaceChildren("No block left in this step.");
      return;
    }
    const lines = block.command.trimEnd().split("\n");
    const shown = lines.slice(0, SHOWN_LINES).join("\n");
    this.#next.replaceChildren(
      element("span", { class: "remote-where" }, `Next, in ${this.#name(block.terminal)}:`),
      element("pre", {}, lines.length > SHOWN_LINES ? `${shown}\n…` : shown),
    );
  }

  #stayAwake(): void {
    if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    // Only a secure page may keep the phone awake, and a low battery may forbid it.
    navigator.wakeLock.request("screen").catch(() => undefined);
  }
}
