import type { Connection, ConnectionState } from "./connection";
import { element, required } from "./dom";
import { announce, noticeBody, sentence } from "./notices";

const LABELS: Record<ConnectionState["kind"], string> = {
  connecting: "Connecting",
  open: "Connected",
  lost: "Disconnected",
  refused: "Not let in",
};

/** Shows how it stands with the connection: always in the bar, and large where it matters. */
export class StatusView {
  readonly #connection: Connection;
  readonly #pill = required("connection");
  readonly #banner = required("banner");
  readonly #count = element("span", { class: "banner-count" });
  readonly #retry = element("button", { type: "button", class: "button button-small" }, "Try now");
  #clients = 1;
  #ticking: ReturnType<typeof setInterval> | null = null;
  #wasOpen = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#retry.onclick = () => connection.retryNow();
    // The page begins below the banner, however many lines it takes.
    const height = (): void => {
      const { style } = document.documentElement;
      style.setProperty("--banner", `${this.#banner.offsetHeight}px`);
    };
    new ResizeObserver(height).observe(this.#banner);
    connection.onState.on((state) => this.#paint(state));
    this.#paint(connection.state);
  }

  setClients(clients: number): void {
    this.#clients = clients;
    this.#paintPill(this.#connection.state);
  }

  #paintPill(state: ConnectionState): void {
    this.#pill.dataset.state = state.kind;
    const others = this.#clients - 1;
    const company = state.kind === "open" && others > 0 ? ` · ${others} more here` : "";
    const doubted = state.kind === "open" && state.doubted;
    this.#pill.toggleAttribute("data-doubted", doubted);
    this.#pill.textContent = doubted ? "Checking …" : `${LABELS[state.kind]}${company}`;
  }

  #paint(state: ConnectionState): void {
    this.#paintPill(state);
    document.body.dataset.connection = state.kind;
    if (this.#ticking !== null) clearInterval(this.#ticking);
    this.#ticking = null;
    if (state.kind === "open") {
      if (!this.#banner.hidden) announce("Connected again.");
      this.#banner.hidden = true;
      this.#wasOpen = true;
    } else if (state.kind === "lost") {
      this.#lost(state.reason, state.retryAt);
    } else if (state.kind === "refused") {
      this.#show(noticeBody(state.reason, state.hint), ...(state.final ? [] : [this.#retry]));
      announce(sentence(`${state.reason}; ${state.hint}`));
    } else if (state.again && !this.#banner.hidden) {
      this.#count.textContent = "Connecting …";
    }
  }

  #lost(reason: string, retryAt: number): void {
    const kept = this.#wasOpen ? "What you type is kept and sent when the connection is back." : "";
    const first = this.#banner.hidden;
    this.#show(noticeBody(`not connected: ${reason}`, kept), this.#count, this.#retry);
    if (first) announce(sentence(`not connected: ${reason}`));
    const tick = (): void => {
      const seconds = Math.max(0, Math.ceil((retryAt - performance.now()) / 1000));
      this.#count.textContent = `Next try in ${seconds} s`;
    };
    tick();
    this.#ticking = setInterval(tick, 250);
  }

  #show(...content: Node[]): void {
    this.#banner.hidden = false;
    const focused = document.activeElement;
    this.#banner.replaceChildren(...content);
    if (focused === this.#retry) this.#retry.focus();
  }
}
