import { Backoff } from "./backoff";
import { after, type Disposable, Disposables, Emitter, listen } from "./events";
import { type Frame, parseFrame } from "./frames";
import {
  HEARTBEAT_SECONDS,
  INITIALIZE,
  type InitializeParams,
  type LabState,
  LIST_COMMANDS,
  SUBPROTOCOL,
} from "./protocol";
import { type Notification, Refusal, Rpc } from "./rpc";

/** How it stands with the connection, in words a person understands. */
export type ConnectionState =
  | { kind: "connecting"; again: boolean }
  | { kind: "open"; doubted: boolean }
  | { kind: "lost"; reason: string; retryAt: number }
  | { kind: "refused"; reason: string; hint: string; final?: boolean };

// A heartbeat is late: the server is asked, and the state says so until it answers.
const SILENCE_MS = HEARTBEAT_SECONDS * 1.3 * 1000;
// How long an answer to that may take; then nobody is there.
const ANSWER_MS = 4000;
// A server that accepts and then says nothing is as good as none.
const HANDSHAKE_MS = 10_000;
// Only a connection that held this long proves that trouble is over.
const STABLE_MS = 5000;

// A closed door: the link of this address is valid no more.
const REVOKED = 4003;

const CLOSE_REASONS: Record<number, string> = {
  1001: "the server stopped",
  1009: "a message was too large for the server",
  4000: "this tab did not keep up with the output",
  4002: "the server got no greeting in time",
};

/** One socket to the lab, opened again whenever it breaks. */
export class Connection {
  readonly onState = new Emitter<ConnectionState>();
  readonly onReady = new Emitter<LabState>();
  readonly onFrame = new Emitter<Frame>();
  readonly onNotification = new Emitter<Notification>();
  readonly #url: URL;
  readonly #greeting: () => InitializeParams;
  readonly #backoff = new Backoff();
  #state: ConnectionState = { kind: "connecting", again: false };
  #socket: WebSocket | null = null;
  #rpc: Rpc | null = null;
  #timers = new Disposables();
  // By the clock on the wall, which goes on while the computer sleeps.
  #lastHeard = 0;
  #doubt: Disposable | null = null;

  constructor(url: URL, greeting: () => InitializeParams) {
    this.#url = url;
    this.#greeting = greeting;
    const look = (): void => {
      this.#ask();
      this.retryNow();
    };
    listen(window, "online", look);
    listen(window, "pageshow", look);
    // A network that is gone may not be the one that leads to the lab.
    listen(window, "offline", () => this.#ask());
    listen(document, "visibilitychange", () => {
      if (document.visibilityState === "visible") look();
    });
    // An open socket would keep the page out of the back-forward cache.
    listen(window, "pagehide", () => this.#drop("the page was left"));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get open(): boolean {
    return this.#state.kind === "open";
  }

  start(): void {
    this.#connect(false);
  }

  /** Tries at once, where the connection is not there. */
  retryNow(): void {
    if (this.#state.kind === "refused" && this.#state.final) return;
    if (this.#state.kind === "lost" || this.#state.kind === "refused") this.#connect(true);
  }

  request<T>(method: string, params: object): Promise<T> | null {
    return this.open && this.#rpc ? this.#rpc.request<T>(method, params) : null;
  }

  notify(method: string, params: object): void {
    if (this.open) this.#rpc?.notify(method, params);
  }

  sendFrame(frame: Uint8Array<ArrayBuffer>): void {
    if (this.open) this.#socket?.send(frame);
  }

  /** Gives the connection up and opens it again, because what it brought has a hole. */
  resync(): void {
    this.#drop("bytes went missing");
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.onState.fire(state);
  }

  #connect(again: boolean): void {
    this.#abandon();
    this.#setState({ kind: "connecting", again });
    const socket = new WebSocket(this.#url, [SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const rpc = new Rpc(
      (text) => socket.send(text),
      (notification) => this.onNotification.fire(notification),
    );
    this.#rpc = rpc;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.#greet(rpc).catch(() => this.#drop("the server's answer could not be read"));
    };
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      this.#heard();
      if (typeof event.data === "string") rpc.receive(event.data);
      else this.#receive(event.data);
    };
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      if (event.code === REVOKED) {
        this.#revoked();
        return;
      }
      const known = CLOSE_REASONS[event.code] ?? "the connection broke";
      if (opened) {
        this.#lose(event.reason || known);
        return;
      }
      this.#explain(socket).catch(() => {
        // Meanwhile another attempt may have begun, and even be through.
        if (this.#socket === socket) this.#lose("the server can't be reached");
      });
    };
    this.#timers.add(after(HANDSHAKE_MS, () => this.#drop("the server does not answer")));
  }

  #receive(buffer: ArrayBuffer): void {
    const frame = parseFrame(buffer);
    if (frame) this.onFrame.fire(frame);
  }

  async #greet(rpc: Rpc): Promise<void> {
    let lab: LabState;
    try {
      lab = await rpc.request<LabState>(INITIALIZE, this.#greeting());
    } catch (error) {
      if (error instanceof Refusal && rpc === this.#rpc) {
        this.#abandon();
        const hint = error.hint ?? "reload the page";
        this.#setState({ kind: "refused", reason: error.message, hint });
      }
      return;
    }
    if (rpc !== this.#rpc) return;
    this.#timers.dispose();
    this.#timers.add(after(STABLE_MS, () => this.#backoff.reset()));
    const watch = setInterval(() => this.#checkSilence(), 1000);
    this.#timers.add({ dispose: () => clearInterval(watch) });
    this.#setState({ kind: "open", doubted: false });
    this.onReady.fire(lab);
  }

  #checkSilence(): void {
    if (Date.now() - this.#lastHeard >= SILENCE_MS) this.#ask();
  }

  /** Asks for a sign of life, because something suggests that the connection may be dead. */
  #ask(): void {
    if (!this.open || this.#doubt) return;
    this.#doubt = this.#timers.add(after(ANSWER_MS, () => this.#drop("the server fell silent")));
    this.#setState({ kind: "open", doubted: true });
    // Any answer will do; that there is none is found by the time.
    this.#rpc?.request(LIST_COMMANDS, {}).catch(() => undefined);
  }

  #heard(): void {
    this.#lastHeard = Date.now();
    if (!this.#doubt) return;
    this.#doubt.dispose();
    this.#doubt = null;
    if (this.open) this.#setState({ kind: "open", doubted: false });
  }

  /** Finds out why the handshake failed, which a WebSocket itself never tells. */
  async #explain(socket: WebSocket): Promise<void> {
    const page = await fetch(location.pathname, {
      method: "HEAD",
      cache: "no-store",
      signal: AbortSignal.timeout(HANDSHAKE_MS),
    });
    if (this.#socket !== socket) return;
    if (page.status === 401 && !/\/labs\/[^/]*\/$/.test(location.pathname)) {
      this.#revoked();
    } else if (page.status === 401 || page.status === 403) {
      this.#abandon();
      this.#setState({
        kind: "refused",
        reason: "this browser is no longer let in",
        hint: "open the address that katahost printed when it started, with its token",
      });
    } else if (page.status === 404) {
      this.#lose("the server no longer has this lab");
    } else {
      this.#lose("the server did not open a connection");
    }
  }

  #revoked(): void {
    this.#abandon();
    this.#setState({
      kind: "refused",
      reason: "this link is no longer valid",
      hint: "ask the presenter for a new one",
      final: true,
    });
  }

  #drop(reason: string): void {
    if (this.#socket) this.#lose(reason);
  }

  #lose(reason: string): void {
    this.#abandon();
    const delay = this.#backoff.next();
    this.#timers.add(after(delay, () => this.#connect(true)));
    this.#setState({ kind: "lost", reason, retryAt: performance.now() + delay });
  }

  #abandon(): void {
    this.#timers.dispose();
    this.#doubt = null;
    this.#timers = new Disposables();
    const socket = this.#socket;
    const rpc = this.#rpc;
    this.#socket = null;
    this.#rpc = null;
    if (socket) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
    rpc?.close();
  }
}
