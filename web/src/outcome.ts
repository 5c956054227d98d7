import { type IconName, icon } from "./dom";
import { sentence } from "./notices";
import type { BlockRun, BlockState } from "./protocol";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** What a block's card says of its last run: a state, an icon, and a word or two. */
interface Outcome {
  state: "queued" | "running" | "done" | "failed" | "sent" | "dropped" | "recorded";
  icon: IconName | null;
  text: string;
}

/** How long something took, as people say it. */
export function duration(ms: number): string {
  if (ms < 10 * SECOND_MS) return `${(Math.max(0, ms) / SECOND_MS).toFixed(1)} s`;
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) {
    return `${Math.floor(ms / MINUTE_MS)} min ${Math.floor((ms % MINUTE_MS) / SECOND_MS)} s`;
  }
  return `${Math.floor(ms / HOUR_MS)} h ${Math.floor((ms % HOUR_MS) / MINUTE_MS)} min`;
}

/** How long a run took, or takes so far; null where nobody knows when it began. */
function runTime(run: BlockRun, now: number): number | null {
  return run.startedAt === undefined ? null : (run.endedAt ?? now) - run.startedAt;
}

/** What was seen of a block that nobody tells the end of. */
function settling({ settled, matched }: BlockRun, time: number | null): string {
  if (matched) return " · output as expected";
  if (settled === "prompt") {
    return time === null ? " · prompt is back" : ` · prompt is back after ${duration(time)}`;
  }
  return settled === "quiet" ? " · quiet" : "";
}

/** How a later run of a block stands whose commands still run. */
const BEHIND: Partial<Record<BlockRun["state"], string>> = {
  queued: "queued again",
  waiting: "waits again",
  sent: "sent again",
};

function running(run: BlockRun, now: number): string {
  const time = runTime(run, now);
  const took = time === null ? "" : ` · ${duration(time)}`;
  return `running${took}${run.late ? " · longer than expected" : ""}`;
}

/** What became of a block that has run; null while its run only waits, or where there was none. */
export function outcome({ runs, last, earlier }: BlockState, now: number): Outcome | null {
  const behind = last && earlier && BEHIND[last.state];
  if (behind) {
    const state = last.state === "queued" ? "queued" : "running";
    return { state, icon: null, text: `${running(earlier, now)}, ${behind}` };
  }
  if (last?.state === "recorded") {
    const text = last.endedAt === undefined ? "recording" : "recorded";
    return { state: "recorded", icon: null, text };
  }
  if (last?.state === "dropped") return { state: "dropped", icon: null, text: "not run" };
  if (runs === 0 || last?.state === "waiting") return null;
  const count = runs > 1 ? ` ${runs}×` : "";
  const time = last ? runTime(last, now) : null;
  const took = time === null ? "" : ` · ${duration(time)}`;
  switch (last?.state) {
    case "queued":
      return { state: "queued", icon: null, text: "queued for the prompt" };
    case "running":
      return { state: "running", icon: null, text: running(last, now) };
    case "done":
      return { state: "done", icon: "check", text: `done${count}${took}` };
    case "failed":
      return { state: "failed", icon: "close", text: `failed${code(last)}${count}${took}` };
    default:
      return { state: "sent", icon: null, text: `sent${count}${last ? settling(last, time) : ""}` };
  }
}

/** The exit code in parentheses, unless it says that all is well. */
function code({ exitCode }: BlockRun): string {
  return exitCode ? ` (${exitCode})` : "";
}

/** What is to be read of a failed run besides its exit code: another reason, and a hint. */
export function unexpected({
  reason,
  hint,
  exitCode,
}: BlockRun): { message: string; hint: string | null } | null {
  const plain = reason === undefined || reason === `exit code ${exitCode}`;
  if (plain && hint === undefined) return null;
  return { message: reason ?? `exit code ${exitCode}`, hint: hint ?? null };
}

/** The sentence that tells of a run's end to who only listens; empty where nobody can know it. */
export function ending(run: BlockRun, terminal: string): string {
  if (run.state === "done") return `A block in ${terminal} is done.`;
  if (run.state === "recorded" && run.endedAt === undefined)
    return `A recording is shown in ${terminal}.`;
  if (run.state === "queued") return `A block is queued for the prompt in ${terminal}.`;
  if (run.state === "dropped") return `A block in ${terminal} was not run.`;
  if (run.state !== "failed") return "";
  const failed = unexpected(run);
  const why = [failed?.message ?? "", failed?.hint ?? ""].map(sentence).join(" ").trim();
  if (why) return `A block in ${terminal} failed: ${why}`;
  return `A block in ${terminal} failed with exit code ${run.exitCode}.`;
}

/** The outcome's icon, where it has one. */
export function outcomeIcon(shown: Outcome | null): Node | string {
  return shown?.icon ? icon(shown.icon) : "";
}
