import { Divider, type DividerTarget } from "./dividers";
import { type Disposable, Disposables, Emitter, listen } from "./events";
import type { CellSize } from "./fitting";
import type { Frame } from "./frames";
import { Pane, type PaneHost } from "./pane";
import type { BlockRun, InputReceived, Role, TerminalInfo } from "./protocol";
import { onScreenReader } from "./screenreader";
import { recall, remember } from "./storage";
import type { TerminalPort } from "./terminal";
import { onTextScale } from "./textsize";

/** What the stack asks of its lab. */
export interface TerminalsHost extends TerminalPort {
  readonly role: Role;
  cramped(cramped: boolean): void;
  restart(terminal: number): void;
  clear(terminal: number): void;
  read(pane: Pane): void;
  resize(terminal: number, size: CellSize): void;
}

interface Stored {
  weights: Record<string, number>;
  collapsed: string[];
  maximised: string | null;
}

// A header and five lines: fewer show nothing, and then the stack scrolls instead.
const SMALLEST_PX = 116;

/** All terminals of the lab, under each other in the order of its config. */
export class Terminals implements Disposable {
  /** The pane that should be seen in a narrow window changed. */
  readonly onReveal = new Emitter<Pane>();
  /** The keyboard came into a pane. */
  readonly onFocus = new Emitter<Pane>();
  readonly #stack: HTMLElement;
  readonly #host: TerminalsHost;
  readonly #key: string;
  readonly #paneHost: PaneHost;
  #panes: Pane[] = [];
  /** Each above its pane; the first pane has none. */
  readonly #dividers = new Map<Pane, Divider>();
  readonly #weights = new Map<Pane, number>();
  readonly #parts = new Disposables();
  #maximised: Pane | null = null;

  constructor(stack: HTMLElement, infos: TerminalInfo[], host: TerminalsHost, key: string) {
    this.#stack = stack;
    this.#host = host;
    this.#key = key;
    this.#paneHost = this.#hostOfPanes();
    this.#panes = infos.map((info) => new Pane(info, this.#paneHost));
    this.#arrange();
    this.#restore();
    for (const pane of this.#panes) pane.open();
    const offer = (): void => this.offerSizes();
    this.#parts.add(listen(window, "focus", offer));
    this.#parts.add(
      onTextScale.on((scale) => {
        for (const pane of this.#panes) pane.setTextScale(scale);
      }),
    );
    this.#parts.add(
      onScreenReader.on((on) => {
        for (const { terminal } of this.#panes) terminal.setScreenReader(on);
      }),
    );
    this.#parts.add(listen(document, "visibilitychange", offer));
  }

  get panes(): readonly Pane[] {
    return this.#panes;
  }

  pane(terminal: number): Pane | undefined {
    return this.#panes.find((pane) => pane.info.terminal === terminal);
  }

  /** Gives a frame to its terminal; false where bytes before it are missing. */
  accept(frame: Frame): boolean {
    return this.pane(frame.terminal)?.terminal.accept(frame) !== "gap";
  }

  update(info: TerminalInfo): void {
    this.pane(info.terminal)?.update(info);
  }

  /**
   * Shows these terminals, in their order. Those that are shown already go on, with what is typed,
   * marked and scrolled there. Says whether anything changed.
   */
  set(infos: TerminalInfo[]): boolean {
    const before = this.#panes;
    const names = (panes: readonly Pane[]): string =>
      JSON.stringify(panes.map((pane) => [pane.info.terminal, pane.name]));
    const namesBefore = names(before);
    for (const info of infos) this.update(info);
    this.#panes = infos.map((info) => this.pane(info.terminal) ?? new Pane(info, this.#paneHost));
    if (names(this.#panes) === namesBefore) return false;
    const active = document.activeElement;
    const added = this.#panes.filter((pane) => !before.includes(pane));
    for (const pane of before) if (!this.#panes.includes(pane)) this.#remove(pane);
    this.#addWeights(added);
    this.#arrange();
    this.#layout();
    for (const pane of added) pane.open();
    // What is moved in the document loses the focus.
    if (active instanceof HTMLElement && active !== document.activeElement)
      active.focus({ preventScroll: true });
    return true;
  }

  /** After a reconnect to the same lab: takes what changed, and sends what did not arrive. */
  resume(infos: TerminalInfo[], inputs: InputReceived[]): void {
    for (const info of infos) {
      const received = inputs.find(
        (input) => input.terminal === info.terminal && input.generation === info.generation,
      );
      this.pane(info.terminal)?.terminal.resume(info.generation, received?.bytes ?? 0);
    }
  }

  /** Tells the server what there is room for, if this tab is the one that is looked at. */
  offerSizes(): void {
    for (const pane of this.#panes) this.#offer(pane);
  }

  /** Notes that this client may do more or less than before. */
  setRole(): void {
    for (const pane of this.#panes) pane.setRole();
    this.offerSizes();
  }

  /** Brings a terminal into view and marks it. */
  reveal(terminal: number): void {
    const pane = this.pane(terminal);
    if (!pane) return;
    if (this.#maximised && this.#maximised !== pane) this.#maximise(null);
    if (pane.collapsed) this.#toggle(pane);
    this.onReveal.fire(pane);
    pane.element.scrollIntoView({ block: "nearest" });
    pane.flash();
  }

  /** Notes where a run's output is, or will be. */
  awaitOutput(run: BlockRun | undefined): void {
    if (run) this.pane(run.terminal)?.terminal.awaitOutput(run);
  }

  /** Forgets the block that somebody came from, as it is shown no more. */
  forgetBlock(): void {
    for (const pane of this.#panes) pane.forgetBlock();
  }

  dispose(): void {
    this.#parts.dispose();
    for (const divider of this.#dividers.values()) divider.dispose();
    for (const pane of this.#panes) pane.dispose();
    this.#stack.replaceChildren();
  }

  /** Puts panes into the document as they follow each other, and moves no more than it must. */
  #arrange(): void {
    let last: Element | null = null;
    const put = (element: HTMLElement): void => {
      const next: Element | null = last ? last.nextElementSibling : this.#stack.firstElementChild;
      if (element !== next) this.#stack.insertBefore(element, next);
      last = element;
    };
    for (const [index, pane] of this.#panes.entries()) {
      if (index > 0) put(this.#divider(pane).element);
      else this.#removeDivider(pane);
      put(pane.element);
    }
  }

  #remove(pane: Pane): void {
    if (this.#maximised === pane) this.#maximise(null);
    this.#removeDivider(pane);
    this.#weights.delete(pane);
    pane.dispose();
  }

  #removeDivider(pane: Pane): void {
    this.#dividers.get(pane)?.dispose();
    this.#dividers.delete(pane);
  }

  /** Gives new panes as much room as the others have on average. */
  #addWeights(added: Pane[]): void {
    const known = this.#panes.filter((pane) => !added.includes(pane));
    const sum = known.reduce((all, pane) => all + (this.#weights.get(pane) ?? 1), 0);
    for (const pane of added) this.#weights.set(pane, sum / known.length || 1);
  }

  #hostOfPanes(): PaneHost {
    const host = this.#host;
    return {
      get open() {
        return host.open;
      },
      get role() {
        return host.role;
      },
      acknowledge: (terminal, offset) => host.acknowledge(terminal, offset),
      sendInput: (frame) => host.sendInput(frame),
      restart: (terminal) => host.restart(terminal),
      clear: (terminal) => host.clear(terminal),
      toggle: (pane) => {
        if (this.#maximised) this.#maximise(null);
        else this.#toggle(pane);
        this.#store();
      },
      maximise: (pane) => {
        this.#maximise(this.#maximised === pane ? null : pane);
        this.#store();
      },
      read: (pane) => host.read(pane),
      focused: (pane) => this.onFocus.fire(pane),
      resized: (pane) => this.#offer(pane),
    };
  }

  #offer(pane: Pane): void {
    this.#host.cramped(this.#panes.some((one) => !one.collapsed && one.terminal.fitting.cramped));
    if (this.#host.role !== "driver" || !this.#host.open) return;
    const { state } = pane.info.status;
    // Nobody sees the size of a terminal without a shell; the next one asks for it.
    if (state === "exited" || state === "failed") return;
    const waiting = state === "waiting";
    if (document.visibilityState !== "visible" && !waiting) return;
    const size = pane.collapsed ? null : pane.terminal.fitting.measure();
    if (size) {
      const now = pane.terminal.fitting.size;
      const same = size.cols === now.cols && size.rows === now.rows;
      if (!same || waiting) this.#host.resize(pane.info.terminal, size);
    } else if (waiting) {
      // A folded terminal still has to start; any size will do until it is unfolded.
      this.#host.resize(pane.info.terminal, pane.terminal.fitting.size);
    }
  }

  #toggle(pane: Pane): void {
    pane.setCollapsed(!pane.collapsed);
    this.#layout();
  }

  #maximise(pane: Pane | null): void {
    this.#maximised?.setMaximised(false);
    this.#maximised = pane;
    if (pane?.collapsed) pane.setCollapsed(false);
    pane?.setMaximised(true);
    this.#stack.classList.toggle("has-maximised", pane !== null);
    this.#layout();
  }

  #layout(): void {
    for (const pane of this.#panes) {
      pane.element.style.setProperty("--weight", String(this.#weights.get(pane) ?? 1));
    }
    requestAnimationFrame(() => {
      for (const divider of this.#dividers.values()) divider.describe();
    });
  }

  /** The divider above a pane. */
  #divider(pane: Pane): Divider {
    const label = `Border above ${pane.name}`;
    const known = this.#dividers.get(pane);
    known?.setLabel(label);
    if (known) return known;
    const index = (): number => this.#panes.indexOf(pane);
    const above = (): Pane | undefined =>
      this.#panes.slice(0, index()).findLast((one) => !one.collapsed);
    const under = (): Pane | undefined => this.#panes.slice(index()).find((p) => !p.collapsed);
    const height = (pane: Pane | undefined): number => pane?.element.offsetHeight ?? 0;
    const target: DividerTarget = {
      position: () => height(above()),
      move: (start, delta) => this.#move(above(), under(), start + delta),
      range: () => {
        const total = height(above()) + height(under()) || 1;
        const min = (SMALLEST_PX / total) * 100;
        return { now: (height(above()) / total) * 100, min, max: 100 - min };
      },
      done: () => this.#store(),
      reset: () => {
        this.#weights.clear();
        this.#layout();
      },
    };
    const divider = new Divider("y", label, target);
    this.#dividers.set(pane, divider);
    return divider;
  }

  #move(above: Pane | undefined, under: Pane | undefined, wanted: number): void {
    if (!above || !under || this.#maximised) return;
    // Pixels become the weights, so that the other panes stay as they are.
    for (const pane of this.#panes) {
      if (!pane.collapsed) this.#weights.set(pane, pane.element.offsetHeight);
    }
    const total = above.element.offsetHeight + under.element.offsetHeight;
    const size = Math.max(SMALLEST_PX, Math.min(wanted, total - SMALLEST_PX));
    this.#weights.set(above, size);
    this.#weights.set(under, total - size);
    this.#layout();
  }

  #store(): void {
    const weights = Object.fromEntries(
      this.#panes.map((pane) => [pane.id, this.#weights.get(pane) ?? 1]),
    );
    const collapsed = this.#panes.filter((pane) => pane.collapsed).map((pane) => pane.id);
    const maximised = this.#maximised?.id ?? null;
    remember(this.#key, JSON.stringify({ weights, collapsed, maximised } satisfies Stored));
  }

  #restore(): void {
    try {
      const stored = JSON.parse(recall(this.#key) ?? "{}") as Partial<Stored>;
      for (const pane of this.#panes) {
        const weight = stored.weights?.[pane.id];
        if (typeof weight === "number" && weight > 0) this.#weights.set(pane, weight);
        if (stored.collapsed?.includes(pane.id)) pane.setCollapsed(true);
        if (stored.maximised === pane.id) this.#maximise(pane);
      }
    } catch {
      remember(this.#key, "{}");
    }
    this.#layout();
  }
}
