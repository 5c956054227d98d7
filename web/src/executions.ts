import type { Connection } from "./connection";
import {
  EXECUTE_COMMAND,
  type ExecuteCommandParams,
  type ExecuteCommandResult,
  type JsonValue,
} from "./protocol";
import { ConnectionLost, Refusal } from "./rpc";

interface Execution {
  params: ExecuteCommandParams & { executionId: string };
  resolve: (result: ExecuteCommandResult) => void;
  reject: (error: Error) => void;
}

const START_OVER = "katapod.start";

/** An id that no other tab makes. */
export function uniqueId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** Commands on their way: each is sent until it is answered, and its id makes it run once. */
export class Executions {
  readonly #connection: Connection;
  readonly #unanswered = new Map<string, Execution>();
  // Ids of this page's own executions, so that it knows the page it asked for from others'.
  readonly #own = new Set<string>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  execute(command: string, args: JsonValue[] = []): Promise<ExecuteCommandResult> {
    const executionId = uniqueId();
    this.#own.add(executionId);
    return new Promise((resolve, reject) => {
      const params = { command, arguments: args, executionId };
      const execution = { params, resolve, reject };
      this.#unanswered.set(executionId, execution);
      this.#send(execution);
    });
  }

  owns(executionId: string | null): boolean {
    return executionId !== null && this.#own.has(executionId);
  }

  /** Sends again what a lost connection left unanswered. */
  resend(): void {
    for (const execution of this.#unanswered.values()) this.#send(execution);
  }

  /** Ends what was meant for a lab that is no more. */
  forget(): void {
    const left = [...this.#unanswered.values()];
    this.#unanswered.clear();
    for (const { params, resolve, reject } of left) {
      if (params.command === START_OVER) resolve({ repeated: false, terminals: [] });
      else reject(new Error("the lab was started over before this ran; click again"));
    }
  }

  #send(execution: Execution): void {
    const answer = this.#connection.request<ExecuteCommandResult>(
      EXECUTE_COMMAND,
      execution.params,
    );
    answer?.then(
      (result) => {
        if (this.#settle(execution)) execution.resolve(result);
      },
      (error: unknown) => {
        if (error instanceof ConnectionLost) return;
        const failure = error instanceof Refusal ? error : new Error(String(error));
        if (this.#settle(execution)) execution.reject(failure);
      },
    );
  }

  #settle(execution: Execution): boolean {
    return this.#unanswered.delete(execution.params.executionId);
  }
}
