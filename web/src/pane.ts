import { BackBar } from "./backbar";
import { copyText } from "./clipboard";
import { element, icon, iconButton } from "./dom";
import { after, type Disposable, Disposables, listen } from "./events";
import { FindBox } from "./find";
import { announce, noticeBody } from "./notices";
import type { BlockRun, Role, TerminalInfo, TerminalStatus } from "./protocol";
import { Terminal, type TerminalPort } from "./terminal";
import { TerminalFinder } from "./terminalfinder";

/** What a pane asks of the stack and the lab around it. */
export interface PaneHost extends TerminalPort {
  readonly role: Role;
  restart(terminal: number): void;
  clear(terminal: number): void;
  toggle(pane: Pane): void;
  maximise(pane: Pane): void;
  read(pane: Pane): void;
  focused(pane: Pane): void;
  resized(pane: Pane): void;
}

const FLASH_MS = 1200;
const WARNING_MS = 4000;
// Waits until a dragged divider rests; programs redraw at each size.
const SETTLE_MS = 120;

const STATUS_LABEL: Record<TerminalStatus["state"], string> = {
  waiting: "not started yet",
  running: "running",
  exited: "ended",
  failed: "could not start",
};

/** A terminal in its frame: the name above it, and how it stands below. */
export class Pane implements Disposable {
  readonly element: HTMLElement;
  readonly terminal: Terminal;
  readonly id: string;
  readonly #host: PaneHost;
  readonly #body = element("div", { class: "pane-body" });
  readonly #bar = element("div", { class: "pane-status", role: "status", hidden: true });
  readonly #name: HTMLElement;
  readonly #title = element("span", { class: "pane-title" });
  readonly #dot = element("span", { class: "pane-dot" });
  readonly #toggle: HTMLButtonElement;
  readonly #maximise: HTMLButtonElement;
  readonly #clear: HTMLButtonElement;
  readonly #search: HTMLButtonElement;
  readonly #read: HTMLButtonElement;
  readonly #find: FindBox;
  readonly #back = new BackBar();
  readonly #parts = new Disposables();
  #info: TerminalInfo;
  #collapsed = false;
  #shown = true;
  #onScreen = false;
  #settle: Disposable | null = null;
  #warning: Disposable | null = null;

  constructor(info: TerminalInfo, host: PaneHost) {
    this.#info = info;
    this.#host = host;
    this.id = info.id;
    this.terminal = this.#parts.add(new Terminal(info.terminal, info.name, host));
    const finder = this.#parts.add(new TerminalFinder(this.terminal.search));
    this.#find = this.#parts.add(new FindBox(finder, "", () => this.terminal.focus()));
    const headingId = `terminal-${info.terminal}`;
    this.#name = element("span", { class: "pane-name", id: headingId });
    this.#toggle = element(
      "button",
      { type: "button", class: "pane-toggle", "aria-expanded": "true" },
      icon("chevron"),
      this.#dot,
      this.#name,
    );
    this.#toggle.onclick = () => host.toggle(this);
    this.#maximise = iconButton("maximize", "", "icon-button pane-maximise");
    this.#maximise.onclick = () => host.maximise(this);
    this.#search = iconButton("search", "", "icon-button");
    this.#search.onclick = () => this.#find.show();
    this.#read = iconButton("lines", "", "icon-button");
    this.#read.onclick = () => host.read(this);
    this.#clear = iconButton("clear", "", "icon-button");
    this.#clear.onclick = () => host.clear(info.terminal);
    const header = element(
      "header",
      { class: "pane-header" },
      element("h2", { class: "pane-heading" }, this.#toggle),
      this.#title,
      element("span", { class: "pane-hint hint-out" }, element("kbd", {}, "Shift+Esc"), " leaves"),
      element("span", { class: "pane-hint hint-in" }, element("kbd", {}, "↓"), " goes in"),
      element(
        "span",
        { class: "pane-tools" },
        this.#search,
        this.#read,
        this.#clear,
        this.#maximise,
      ),
    );
    header.ondblclick = (event) => {
      if (event.target instanceof Element && event.target.closest(".pane-tools")) return;
      host.maximise(this);
    };
    this.element = element(
      "section",
      { class: "pane", "aria-labelledby": headingId },
      header,
      this.#body,
      this.#back.element,
      this.#find.element,
      this.#bar,
    );
    this.#listen();
    this.#label();
    this.setRole();
    this.update(info);
  }

  get info(): TerminalInfo {
    return this.#info;
  }

  get name(): string {
    return this.#info.name;
  }

  get collapsed(): boolean {
    return this.#collapsed;
  }

  /** Draws the terminal, once the pane is in the document. */
  open(): void {
    this.terminal.open(this.#body);
    const sizes = new ResizeObserver(() => this.#resized());
    sizes.observe(this.#body);
    this.#parts.add({ dispose: () => sizes.disconnect() });
    const seen = new IntersectionObserver((entries) => {
      this.#onScreen = entries.at(-1)?.isIntersecting ?? false;
      this.#renderer();
    });
    seen.observe(this.#body);
    this.#parts.add({ dispose: () => seen.disconnect() });
  }

  update(info: TerminalInfo): void {
    const renamed = info.name !== this.name;
    this.#info = info;
    if (renamed) this.#label();
    const { status } = info;
    this.terminal.shell(info.generation, status.state === "running");
    this.element.dataset.state = status.state;
    this.#dot.title = STATUS_LABEL[status.state];
    this.#paintBar(status);
  }

  /** Notes that this client may do more or less than before. */
  setRole(): void {
    this.#clear.hidden = !this.#mayType;
    this.element.dataset.role = this.#host.role;
    this.terminal.setRole(this.#host.role);
    this.#paintBar(this.#info.status);
  }

  get #mayType(): boolean {
    return this.#host.role === "driver" || this.#host.role === "guest";
  }

  setCollapsed(collapsed: boolean): void {
    this.#collapsed = collapsed;
    this.element.classList.toggle("collapsed", collapsed);
    this.#toggle.setAttribute("aria-expanded", String(!collapsed));
    if (collapsed) this.#find.hide();
    this.#renderer();
  }

  setMaximised(maximised: boolean): void {
    this.element.classList.toggle("maximised", maximised);
    this.#maximise.replaceChildren(icon(maximised ? "restore" : "maximize"));
    this.#label();
  }

  /** Says whether the pane is the one that a narrow window shows. */
  setShown(shown: boolean): void {
    this.#shown = shown;
    this.element.classList.toggle("shown", shown);
    this.#renderer();
  }

  /** Marks the pane for a moment, so that the eye finds it. */
  flash(): void {
    this.element.classList.remove("flash");
    // Reading a size restarts the animation.
    this.element.getBoundingClientRect();
    this.element.classList.add("flash");
    after(FLASH_MS, () => this.element.classList.remove("flash"));
    this.terminal.scrollToEnd();
  }

  /** Shows where a run's output begins, and offers the way back to its block. */
  showOutput(run: BlockRun, back: () => void): void {
    this.terminal.showOutput(run);
    this.#back.show({
      back,
      copy: async () => await copyText(this.terminal.outputOf(run) ?? this.terminal.text()),
    });
    announce(`Output of the block, in ${this.name}. Escape goes back to the block.`);
  }

  /** Forgets the block that somebody came from. */
  forgetBlock(): void {
    this.#back.hide();
  }

  /** Draws text larger or smaller, and tells the lab how much fits now. */
  setTextScale(scale: number): void {
    this.terminal.fitting.setTextScale(scale);
    this.#resized();
  }

  focusHeader(): void {
    this.#toggle.focus();
  }

  dispose(): void {
    this.#settle?.dispose();
    this.#warning?.dispose();
    this.#parts.dispose();
    this.element.remove();
  }

  /** Names all parts after the terminal. */
  #label(): void {
    const { name } = this;
    const maximised = this.element.classList.contains("maximised");
    const labels: [HTMLButtonElement, string][] = [
      [this.#search, `Find in ${name} (Ctrl+Shift+F)`],
      [this.#read, `Read ${name} as text`],
      [this.#clear, `Clear ${name}`],
      [this.#maximise, `${maximised ? "Restore" : "Maximise"} ${name}`],
    ];
    for (const [button, label] of labels) {
      button.title = label;
      button.setAttribute("aria-label", label);
    }
    this.#name.textContent = name;
    this.#find.setLabel(`Find in ${name}`);
    this.#back.setName(name);
    this.terminal.setName(name);
  }

  #listen(): void {
    const { terminal } = this;
    this.#parts.add(terminal.onTitle.on((title) => this.#setTitle(title)));
    // Who left goes on with Tab to what comes next, and not into the same terminal again.
    this.#parts.add(
      terminal.onLeave.on(() => {
        terminal.setTabStop(false);
        if (this.#back.shown) {
          this.#back.leave();
          return;
        }
        this.focusHeader();
      }),
    );
    this.#parts.add(
      listen<FocusEvent>(this.element, "focusout", ({ relatedTarget }) => {
        const inside = relatedTarget instanceof Node && this.element.contains(relatedTarget);
        if (!inside) terminal.setTabStop(true);
      }),
    );
    this.#parts.add(terminal.onFocus.on(() => this.#host.focused(this)));
    this.#parts.add(terminal.onFind.on(() => this.#find.show()));
    this.#parts.add(terminal.onRestart.on(() => this.#restart()));
    this.#parts.add(
      terminal.onRefused.on((why) => {
        if (why === "watching") this.#warn("you are watching; ask for the keyboard to type");
        if (why === "full") this.#warn("not typed: too much waits for the connection already");
      }),
    );
    this.#parts.add(
      listen<KeyboardEvent>(this.#toggle, "keydown", (event) => {
        if (event.key !== "ArrowDown" || this.#collapsed) return;
        event.preventDefault();
        terminal.focus();
      }),
    );
  }

  #restart(): void {
    const { state } = this.#info.status;
    if (!this.#mayType) return;
    if (state === "exited" || state === "failed") this.#host.restart(this.#info.terminal);
  }

  #setTitle(title: string): void {
    this.#title.textContent = title;
    this.#title.title = title;
  }

  #paintBar(status: TerminalStatus): void {
    this.#bar.hidden = status.state === "running";
    this.#bar.className = `pane-status pane-status-${status.state}`;
    if (status.state === "waiting") {
      this.#bar.replaceChildren("Starting …");
      return;
    }
    if (status.state === "running") return;
    const again = element(
      "button",
      { type: "button", class: "button button-small" },
      "Start again",
    );
    again.onclick = () => {
      this.#restart();
      this.terminal.focus();
    };
    const hint = status.state === "failed" ? status.hint : null;
    const what = status.state === "exited" ? `the shell ${status.message}` : status.message;
    this.#bar.replaceChildren(noticeBody(what, hint), this.#mayType ? again : "");
  }

  #warn(text: string): void {
    this.#bar.hidden = false;
    this.#bar.className = "pane-status pane-status-warning";
    this.#bar.replaceChildren(noticeBody(text, null));
    this.#warning?.dispose();
    this.#warning = after(WARNING_MS, () => this.#paintBar(this.#info.status));
  }

  #resized(): void {
    this.#settle?.dispose();
    this.#settle = after(SETTLE_MS, () => {
      this.terminal.fitting.fit();
      this.#host.resized(this);
    });
  }

  #renderer(): void {
    this.terminal.setVisible(this.#onScreen && this.#shown && !this.#collapsed);
  }
}
