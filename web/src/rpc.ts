import type {
  Audience,
  BLOCK_STATE,
  BlockState,
  Busy,
  CHECK_STATE,
  CheckState,
  ErrorCode,
  HEARTBEAT,
  JsonValue,
  LAB_AUDIENCE,
  LAB_CLIENTS,
  LAB_LINKS,
  LAB_PLACE,
  LAB_PROGRESS,
  LAB_ROLE,
  LAB_STATE,
  LAB_STEPS,
  LAB_TERMINALS,
  LAB_TRUST,
  LabClients,
  LabLinks,
  LabState,
  LabSteps,
  LabTerminals,
  LabTrust,
  PAGE_SHOW,
  PageShow,
  Place,
  RoleChanged,
  RpcError,
  SHOW_DOCUMENT,
  SHOW_MESSAGE,
  ShowDocument,
  ShowMessage,
  STEP_RUN,
  StepProgress,
  StepRun,
  TERMINAL_EXITED,
  TERMINAL_FOCUS,
  TERMINAL_OPENED,
  TerminalFocus,
  TerminalInfo,
} from "./protocol";

/** What the server tells without being asked, by method. */
export type Notification =
  | { method: typeof LAB_STATE; params: LabState }
  | { method: typeof LAB_STEPS; params: LabSteps }
  | { method: typeof LAB_TERMINALS; params: LabTerminals }
  | { method: typeof LAB_TRUST; params: LabTrust }
  | { method: typeof PAGE_SHOW; params: PageShow }
  | { method: typeof BLOCK_STATE; params: BlockState }
  | { method: typeof STEP_RUN; params: StepRun }
  | { method: typeof CHECK_STATE; params: CheckState }
  | { method: typeof LAB_PROGRESS; params: StepProgress }
  | { method: typeof TERMINAL_OPENED; params: TerminalInfo }
  | { method: typeof TERMINAL_EXITED; params: TerminalInfo }
  | { method: typeof TERMINAL_FOCUS; params: TerminalFocus }
  | { method: typeof LAB_CLIENTS; params: LabClients }
  | { method: typeof LAB_AUDIENCE; params: Audience }
  | { method: typeof LAB_LINKS; params: LabLinks }
  | { method: typeof LAB_ROLE; params: RoleChanged }
  | { method: typeof LAB_PLACE; params: Place }
  | { method: typeof HEARTBEAT; params: JsonValue }
  | { method: typeof SHOW_MESSAGE; params: ShowMessage }
  | { method: typeof SHOW_DOCUMENT; params: ShowDocument };

/** An answer that is an error: a code for programs, a message and a hint for people. */
export class Refusal extends Error {
  readonly code: ErrorCode;
  readonly hint: string | null;
  /** What keeps the terminal busy, where that is the reason. */
  readonly busy: Busy | null;

  constructor(error: RpcError) {
    super(error.message);
    this.name = "Refusal";
    this.code = error.data?.code ?? "internal";
    this.hint = error.data?.hint ?? null;
    this.busy = error.data?.busy ?? null;
  }
}

/** The connection went away before the answer came. */
export class ConnectionLost extends Error {
  constructor() {
    super("the connection was lost before the answer came");
    this.name = "ConnectionLost";
  }
}

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

type Message =
  | { id: number; result: unknown }
  | { id: number; error: RpcError }
  | (Notification & { id?: never });

/** JSON-RPC 2.0 over the text frames of one socket. */
export class Rpc {
  readonly #send: (text: string) => void;
  readonly #notified: (notification: Notification) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(send: (text: string) => void, notified: (notification: Notification) => void) {
    this.#send = send;
    this.#notified = notified;
  }

  request<T>(method: string, params: object): Promise<T> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: (result) => resolve(result as T), reject });
      this.#send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  notify(method: string, params: object): void {
    this.#send(JSON.stringify({ jsonrpc: "2.0", method, params }));
  }

  receive(text: string): void {
    // The server is the one that served this page; its messages have the protocol's shape.
    const message = JSON.parse(text) as Message;
    if ("method" in message) {
      this.#notified(message);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    this.#pending.delete(message.id);
    if ("error" in message) pending.reject(new Refusal(message.error));
    else pending.resolve(message.result);
  }

  /** Fails all that is unanswered, because the socket is gone. */
  close(): void {
    const unanswered = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of unanswered) reject(new ConnectionLost());
  }
}
