import { Address } from "./address";
import { Audience, type AudienceHost } from "./audience";
import { Connection } from "./connection";
import { required, stayHere } from "./dom";
import { Executions, uniqueId } from "./executions";
import { FindInStep } from "./findinstep";
import type { Frame } from "./frames";
import { KeyBar } from "./keybar";
import { Layout } from "./layout";
import { announce, notify, sentence } from "./notices";
import { openOutsidePage } from "./outsidepage";
import { PageView } from "./page";
import { PageCommands } from "./pagecommands";
import {
  ACK,
  BLOCK_STATE,
  CHECK_STATE,
  HEARTBEAT,
  type InitializeParams,
  type JsonValue,
  LAB_CLIENTS,
  LAB_PLACE,
  LAB_PROGRESS,
  LAB_STATE,
  LAB_STEPS,
  LAB_TERMINALS,
  LAB_TRUST,
  type LabState,
  PAGE_SHOW,
  type Page,
  READ_PAGE,
  RESIZE,
  type Role,
  SHOW_DOCUMENT,
  SHOW_MESSAGE,
  STEP_RUN,
  TERMINAL_EXITED,
  TERMINAL_FOCUS,
  TERMINAL_OPENED,
  type TerminalInfo,
  VERSION,
  VIEW,
} from "./protocol";
import { type Notification, Refusal } from "./rpc";
import { RunOutput } from "./runoutput";
import { screenReader } from "./screenreader";
import { Stage } from "./stage";
import { StatusView } from "./status";
import { Terminals, type TerminalsHost } from "./terminals";
import { TextView } from "./textview";
import { Toolbar } from "./toolbar";
import { TrustQuestion } from "./trust";
import { Visits } from "./visits";
import { Way } from "./way";

/** The lab as this tab shows it: takes what the server says, and asks for what the person does. */
export class Lab {
  // A name per visit, in memory only: a reload begins a new count of typed bytes, and a duplicated
  // tab is another client.
  readonly #clientId = uniqueId();
  readonly #connection: Connection;
  readonly #executions: Executions;
  readonly #address: Address;
  readonly #layout: Layout;
  readonly #toolbar: Toolbar;
  readonly #status: StatusView;
  readonly #page: PageView;
  readonly #commands: PageCommands;
  readonly #find: FindInStep;
  readonly #audience: Audience;
  readonly #stage: Stage;
  readonly #trust: TrustQuestion;
  readonly #textView = new TextView();
  readonly #output: RunOutput;
  readonly #visits = new Visits(`katahost.progress.${location.pathname}`);
  readonly #way = new Way();
  readonly #layoutKey = `katahost.layout.${location.pathname}`;
  #terminals: Terminals | null = null;
  #instance: string | null = null;
  #role: Role = "viewer";
  #deepLink: string | null;

  constructor() {
    this.#address = new Address((step) => this.#load(step));
    this.#deepLink = this.#address.deepLink;
    this.#layout = new Layout(`${this.#layoutKey}.split`, new KeyBar());
    const url = new URL("ws", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = "";
    url.hash = "";
    this.#connection = new Connection(url, () => this.#greeting());
    this.#executions = new Executions(this.#connection);
    this.#status = new StatusView(this.#connection);
    this.#toolbar = new Toolbar(
      {
        load: (step) => this.#load(step),
        find: () => this.#find.show(),
        reload: () => this.#perform("katapod.reloadPage"),
        startOver: () => this.#perform("katapod.start"),
      },
      this.#visits,
      this.#way,
    );
    const lab = this;
    this.#output = new RunOutput({
      get role() {
        return lab.#role;
      },
      pane: (terminal) => lab.#terminals?.pane(terminal),
      reveal: (terminal) => lab.#terminals?.reveal(terminal),
      turnToSteps: () => lab.#layout.show(null),
      comeBack: (run) => lab.#page.comeBack(run),
      show: (heading, text) => lab.#textView.showText(heading, text),
    });
    this.#commands = new PageCommands({
      get page() {
        return lab.#page;
      },
      get terminals() {
        return lab.#terminals;
      },
      execute: (command, args) => lab.#executions.execute(command, args),
      turnToSteps: () => lab.#layout.show(null),
      fail: (error) => lab.#fail(error),
    });
    this.#page = new PageView(required("steps"), required("page"), {
      get role() {
        return lab.#role;
      },
      terminalName: (terminal) => lab.#terminals?.pane(terminal)?.name ?? "terminal",
      way: this.#way,
      run: (block, when) => lab.#commands.runBlock(block, when),
      cancel: (block) => lab.#commands.execute("katahost.cancelBlock", { block }),
      skip: (block) => lab.#commands.execute("katahost.skipBlock", { block }),
      runStep: () => lab.#executions.execute("katahost.runStep"),
      stopStep: () => lab.#executions.execute("katahost.stopStep"),
      fail: (error) => lab.#fail(error),
      interrupt: (block) => lab.#commands.execute("katahost.interruptBlock", { block }),
      playRecording: (block) => lab.#commands.execute("katahost.playRecording", { block }),
      follow: (link) =>
        lab.#watches ? lab.#read({ link }) : lab.#commands.execute("katahost.followLink", { link }),
      ran: (block) => lab.#ran(block),
      lastRun: (block) => lab.#visits.lastRun(block),
      showOutput: (run) => lab.#output.showOutput(run),
      copyOutput: (run) => lab.#output.copyOutput(run),
    });
    this.#audience = new Audience(
      this.#audienceHost(required("steps")),
      `katahost.follow.${location.pathname}`,
    );
    this.#stage = new Stage({
      get driver() {
        return lab.#role === "driver";
      },
      runNext: () => this.#commands.runNext(),
      playRecording: () => this.#perform("katahost.playRecording"),
      nextStep: () => this.#perform("katahost.nextStep"),
      previousStep: () => this.#perform("katahost.previousStep"),
      clear: () => this.#perform("workbench.action.terminal.clear"),
    });
    this.#trust = new TrustQuestion({
      get role() {
        return lab.#role;
      },
      give: (hash) => this.#executions.execute("katahost.trust", [{ hash }]),
    });
    this.#find = new FindInStep(
      () => this.#page.content,
      () => this.#layout.show(null),
    );
    this.#connection.onReady.on((state) => this.#ready(state));
    this.#connection.onFrame.on((frame) => this.#frame(frame));
    this.#connection.onNotification.on((notification) => this.#notified(notification));
  }

  start(): void {
    this.#connection.start();
  }

  #greeting(): InitializeParams {
    const greeting: InitializeParams = {
      protocolVersion: VERSION,
      clientId: this.#clientId,
      attach: true,
      // Who listens would hear the screen twice.
      preview: !screenReader(),
      view: this.#audience.view,
    };
    if (this.#instance !== null) {
      const panes = this.#terminals?.panes ?? [];
      greeting.resume = {
        instance: this.#instance,
        terminals: panes
          .filter((pane) => pane.terminal.begun)
          .map(({ info, terminal }) => ({ terminal: info.terminal, offset: terminal.received })),
      };
    } else if (this.#deepLink !== null && !this.#visiting) {
      greeting.step = this.#deepLink;
    }
    return greeting;
  }

  #ready(state: LabState): void {
    const wanted = this.#visiting ? this.#address.step : null;
    this.#deepLink = null;
    this.#way.begin(state.progress);
    if (state.instance === this.#instance && this.#terminals) {
      this.#setTerminals(state.terminals);
      this.#terminals.resume(state.terminals, state.input);
      this.#status.setClients(state.clients.clients);
      this.#setRole(state.role);
      this.#resumePage(state);
      this.#page.stepRun(state.stepRun, false);
      this.#toolbar.progressed();
      this.#audience.ready(state);
      this.#trust.set(state.trust);
      this.#executions.resend();
      this.#terminals.offerSizes();
      return;
    }
    const restarted = this.#instance !== null;
    this.#begin(state);
    if (restarted) announce("The lab was started over.");
    else this.#executions.resend();
    // Who looked around by themselves goes on where they were.
    const elsewhere = this.#visiting && !this.#audience.follow.following;
    if (elsewhere && !restarted && wanted !== null && wanted !== state.page?.step)
      this.#load(wanted);
  }

  /** Shows a lab from nothing: the first time, and after it was started over. */
  #begin(state: LabState): void {
    if (this.#instance !== null) this.#executions.forget();
    this.#instance = state.instance;
    this.#role = state.role;
    document.body.dataset.role = state.role;
    // Visitors have no other labs to go to.
    if (this.#visiting) stayHere();
    this.#visits.begin(state.instance);
    this.#toolbar.setLab(state.title, state.steps, state.role === "driver");
    this.#status.setClients(state.clients.clients);
    this.#terminals?.dispose();
    const terminals = new Terminals(
      required("terminals"),
      state.terminals,
      this.#terminalsHost(),
      this.#layoutKey,
    );
    this.#terminals = terminals;
    this.#layout.setPanes(terminals.panes);
    terminals.onReveal.on((pane) => this.#layout.show(pane));
    terminals.onFocus.on((pane) => {
      this.#layout.use(pane);
      this.#audience.use(pane.info.terminal);
    });
    terminals.onReveal.on((pane) => this.#audience.use(pane.info.terminal));
    this.#audience.follow.turn(state.page);
    if (state.page) this.#show(state.page, false, state);
    else this.#missing(state);
    this.#page.stepRun(state.stepRun, false);
    this.#audience.ready(state);
    this.#stage.begin();
    this.#trust.set(state.trust);
    terminals.offerSizes();
  }

  #resumePage(state: LabState): void {
    const shown = this.#page.page;
    if (!this.#audience.follow.turn(state.page)) return;
    if (!state.page) {
      this.#missing(state);
    } else if (shown?.step === state.page.step && shown.revision === state.page.revision) {
      this.#page.refresh(state.page);
    } else {
      this.#show(state.page, false, state);
    }
  }

  #show(page: Page, asked: boolean, state: LabState | null = null): void {
    this.#address.show(page.step, asked);
    this.#toolbar.setStep(page.step, page.title);
    this.#page.show(page, state?.message ?? null);
    this.#terminals?.forgetBlock();
    for (const { state } of page.blocks) this.#terminals?.awaitOutput(state.last);
    this.#find.again();
    this.#audience.shown();
    if (asked) this.#layout.show(null);
    const words = [asked ? page.title : "", this.#page.problems].filter((part) => part !== "");
    if (words.length > 0) announce(words.join(". "));
  }

  /** Shows what the lab's author saved, while the reader stays where it is. */
  #reload(page: Page, files: string[]): void {
    this.#toolbar.setStep(page.step, page.title);
    this.#page.reload(page, files);
    this.#find.refresh();
    announce(`The step has changed. ${this.#page.problems}`.trim());
  }

  #missing(state: LabState): void {
    const message = state.message ?? {
      severity: "error" as const,
      message: "this step could not be read",
      hint: "choose another one in the list of steps above",
      code: null,
    };
    this.#page.showMissing(message);
  }

  #terminalsHost(): TerminalsHost {
    const connection = this.#connection;
    const lab = this;
    return {
      get open() {
        return connection.open;
      },
      get role() {
        return lab.#role;
      },
      cramped: (cramped) => lab.#audience.cramped(cramped),
      acknowledge: (terminal, offset) => connection.notify(ACK, { terminal, offset }),
      resize: (terminal, size) => connection.notify(RESIZE, { terminal, ...size }),
      sendInput: (frame) => connection.sendFrame(frame),
      read: (pane) => this.#textView.show(pane.terminal, pane.name),
      restart: (terminal) => this.#onTerminal("katahost.restartTerminal", terminal),
      clear: (terminal) => this.#onTerminal("workbench.action.terminal.clear", terminal),
    };
  }

  #audienceHost(scroller: HTMLElement): AudienceHost {
    const lab = this;
    return {
      scroller,
      get role() {
        return lab.#role;
      },
      get content() {
        return lab.#page.content;
      },
      get shown() {
        return lab.#page.page;
      },
      show: (page) => this.#show(page, false),
      reveal: (terminal) => this.#terminals?.reveal(terminal),
      turnToSteps: () => this.#layout.show(null),
      execute: (command, args) => this.#executions.execute(command, args),
      fail: (error) => this.#fail(error),
      sendView: (view) => this.#connection.notify(VIEW, view),
      sendPlace: (place) => this.#connection.notify(LAB_PLACE, place),
      setRole: (role) => this.#setRole(role),
    };
  }

  /** Whether this tab came by a watch link; then its address says nothing to the lab. */
  get #visiting(): boolean {
    return document.body.dataset.way === "watch";
  }

  /** Whether this client only watches at the moment. */
  get #watches(): boolean {
    return this.#role === "viewer";
  }

  #setRole(role: Role): void {
    if (role === this.#role) return;
    this.#role = role;
    document.body.dataset.role = role;
    this.#toolbar.setDriver(role === "driver");
    this.#page.setRole();
    this.#terminals?.setRole();
  }

  /** Loads a step for everybody, or only reads it where one watches. */
  #load(step: string): void {
    if (this.#watches) this.#read({ step }).catch((error: unknown) => this.#fail(error));
    else this.#perform("katapod.loadPage", [{ step }]);
  }

  /** Shows another step here alone. */
  async #read(target: { step: string } | { link: number }): Promise<void> {
    const step = "step" in target ? target.step : this.#page.page?.step;
    if (step === undefined) return;
    const page = await this.#connection.request<Page>(READ_PAGE, { step, ...target });
    if (!page) throw new Error("there is no connection; try again when it is back");
    this.#audience.follow.set(false);
    this.#show(page, true);
  }

  /** A block was seen to run: those who follow look where it runs. */
  #ran(id: string): void {
    this.#visits.ran(id, Date.now());
    const block = this.#page.page?.blocks.find(({ state }) => state.id === id);
    const { follow, presenting } = this.#audience;
    if (!block || this.#commands.runs(id)) return;
    if (!presenting && !(this.#watches && follow.following)) return;
    this.#page.flash(id);
    this.#terminals?.reveal(block.terminal);
  }

  #onTerminal(command: string, terminal: number): void {
    const terminalId = this.#terminals?.pane(terminal)?.id;
    if (terminalId !== undefined) this.#perform(command, [{ terminalId }]);
  }

  /** Executes a command that has no place of its own on the page to report to. */
  #perform(command: string, args: JsonValue[] = []): void {
    this.#executions.execute(command, args).catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    const shown = this.#page.page;
    // The address may name a step that could not be loaded; the page stays, and so does its name.
    if (shown) this.#address.show(shown.step, false);
    notify({
      severity: "error",
      message: error instanceof Error ? error.message : String(error),
      hint: error instanceof Refusal ? error.hint : null,
    });
  }

  #frame(frame: Frame): void {
    if (this.#terminals && !this.#terminals.accept(frame)) this.#connection.resync();
  }

  /** Shows the terminals that there are now; those that were there before go on. */
  #setTerminals(infos: TerminalInfo[]): void {
    if (!this.#terminals?.set(infos)) return;
    this.#layout.setPanes(this.#terminals.panes);
    this.#terminals.offerSizes();
    announce("The terminals have changed.");
  }

  #terminal(info: TerminalInfo): void {
    this.#terminals?.update(info);
    if (info.status.state === "exited") announce(sentence(`${info.name} ${info.status.message}`));
  }

  #notified(notification: Notification): void {
    if (this.#audience.notified(notification)) return;
    switch (notification.method) {
      case HEARTBEAT:
        return;
      case LAB_STATE:
        this.#way.begin(notification.params.progress);
        this.#begin(notification.params);
        announce("The lab was started over.");
        return;
      case PAGE_SHOW: {
        const { page, executionId, reload } = notification.params;
        const follows = this.#audience.follow.turn(page);
        if (reload && this.#page.page?.step === page.step) this.#reload(page, reload.files);
        else if (follows) this.#show(page, this.#executions.owns(executionId));
        return;
      }
      case LAB_TRUST:
        this.#trust.set(notification.params.trust);
        return;
      case LAB_STEPS:
        this.#toolbar.setSteps(notification.params.steps);
        return;
      case BLOCK_STATE:
        this.#commands.markOthers(notification.params);
        this.#terminals?.awaitOutput(notification.params.last);
        this.#page.update(notification.params);
        return;
      case STEP_RUN:
        this.#page.stepRun(notification.params, true);
        return;
      case CHECK_STATE:
        this.#page.check(notification.params);
        return;
      case LAB_PROGRESS:
        this.#way.take(notification.params);
        this.#page.progressed();
        this.#toolbar.progressed();
        return;
      case LAB_TERMINALS:
        this.#setTerminals(notification.params.terminals);
        return;
      case TERMINAL_OPENED:
      case TERMINAL_EXITED:
        this.#terminal(notification.params);
        return;
      case TERMINAL_FOCUS:
        this.#terminals?.reveal(notification.params.terminal);
        return;
      case LAB_CLIENTS:
        this.#status.setClients(notification.params.clients);
        return;
      case SHOW_MESSAGE:
        notify(notification.params);
        return;
      case SHOW_DOCUMENT:
        openOutsidePage(notification.params.uri);
    }
  }
}
