import { element } from "./dom";
import { announce, sentence, withCode } from "./notices";
import { duration } from "./outcome";
import type { Busy } from "./protocol";

/** What a click does where a program runs in the terminal that reads nothing. */
export type WhenBusy = "ask" | Answer;

/** What a person can say then. */
type Answer = "queue" | "interrupt" | "type";

const SECOND_MS = 1000;

export const ANSWERS: readonly { answer: Answer; label: string; title: string }[] = [
  { answer: "queue", label: "Queue", title: "Run it when the prompt is back" },
  {
    answer: "interrupt",
    label: "Interrupt and run",
    title: "Type Ctrl-C, and run it when the prompt is back",
  },
  { answer: "type", label: "Type it anyway", title: "Type it now, into what runs" },
];

/** Says what runs in a terminal, with literals in backticks. */
export function occupation(busy: Busy, terminal: string, now: number): string {
  const what = busy.program === undefined ? "a command" : `\`${busy.program}\``;
  const since =
    busy.since === undefined
      ? ""
      : `, for ${duration(Math.max(SECOND_MS, now - busy.since)).replace(/\.\d/, "")} now`;
  return `${what} is running in ${terminal}${since}`;
}

/** What a question is about, and what comes of it. */
interface Question {
  busy: Busy;
  /** The terminal's name. */
  terminal: string;
  /** Shows the block that started what runs, where it can be shown. */
  reveal: (() => void) | null;
  answer(answer: Answer): void;
  cancel(): void;
}

/** Asks what to do about a busy terminal, at the block that was to run there. */
export function busyQuestion(question: Question): HTMLElement {
  const words = occupation(question.busy, question.terminal, Date.now());
  const plain = sentence(words.replaceAll("`", ""));
  const text = element("p", { class: "busy-text" });
  text.append(...withCode(sentence(words)));
  if (question.reveal) {
    const show = element("button", { type: "button", class: "busy-show" }, "Show its block");
    show.onclick = question.reveal;
    text.append(" ", show);
  }
  const button = (label: string, title: string, act: () => void): HTMLButtonElement => {
    const made = element("button", { type: "button", class: "busy-answer", title }, label);
    made.onclick = act;
    return made;
  };
  const answers = ANSWERS.map(({ answer, label, title }) =>
    button(label, title, () => question.answer(answer)),
  );
  const cancel = button("Cancel", "Leave everything as it is", question.cancel);
  cancel.classList.add("busy-cancel");
  const made = element(
    "div",
    { class: "busy", role: "group", "aria-label": plain },
    text,
    element("div", { class: "busy-answers" }, ...answers, cancel),
  );
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    question.cancel();
  });
  announce(`${plain} Queue, interrupt, or type anyway?`);
  return made;
}
