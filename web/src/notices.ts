import { element, iconButton, required } from "./dom";
import { after } from "./events";
import type { Severity } from "./protocol";

/** A message for a person. */
interface Notice {
  severity: Severity;
  message: string;
  hint?: string | null;
  action?: { label: string; href: string };
  /** What can be done about it at once. */
  choices?: { label: string; run: () => void }[];
}

// Long enough to read two lines twice.
const INFO_MS = 8000;
const MOST_NOTICES = 4;

/** Makes a sentence of a message, which the protocol writes without capital and full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…:]$/.test(first) ? first : `${first}.`;
}

/** Splits at backticks, so that literals are shown as code. */
export function withCode(text: string): Node[] {
  return text
    .split("`")
    .map((part, index) =>
      index % 2 === 1 ? element("code", {}, part) : document.createTextNode(part),
    );
}

/** The content of a message: what happened, and what to do. */
export function noticeBody(message: string, hint: string | null | undefined): HTMLElement {
  const body = element("span", { class: "note-text" });
  body.append(...withCode(sentence(message)));
  if (hint) {
    const second = element("span", { class: "note-hint" });
    second.append(...withCode(sentence(hint)));
    body.append(" ", second);
  }
  return body;
}

/** Says something to people who listen to the page. */
export function announce(text: string): void {
  const live = required("announcer");
  live.textContent = "";
  // A region that is emptied and filled in one turn is not read again.
  after(50, () => {
    live.textContent = text;
  });
}

/** Shows a message over the page's lower edge, where it hides nothing that is being read. */
export function notify({ severity, message, hint, action, choices = [] }: Notice): HTMLElement {
  const list = required("notices");
  const close = iconButton("close", "Dismiss", "icon-button");
  const item: HTMLElement = element(
    "li",
    { class: `notice notice-${severity}` },
    noticeBody(message, hint),
    action
      ? element(
          "a",
          { class: "notice-action", href: action.href, target: "_blank", rel: "noopener" },
          action.label,
        )
      : null,
    ...choices.map(({ label, run }) => {
      const button = element("button", { type: "button", class: "button button-small" }, label);
      button.onclick = () => {
        item.remove();
        run();
      };
      return button;
    }),
    close,
  );
  close.onclick = () => item.remove();
  list.append(item);
  while (list.children.length > MOST_NOTICES) list.firstElementChild?.remove();
  announce([sentence(message), hint ? sentence(hint) : ""].join(" "));
  if (severity === "info" && !action && choices.length === 0) after(INFO_MS, () => item.remove());
  return item;
}
