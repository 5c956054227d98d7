import { icon } from "./dom";
import { after, type Disposable } from "./events";
import { announce } from "./notices";

// How long a button says that something was copied.
const TOLD_MS = 1500;

const told = new WeakMap<HTMLElement, { usual: Node[]; over: Disposable }>();

/** Puts text on the clipboard, from within `place`; false where the browser does not allow it. */
export async function copyText(text: string, place?: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, place ?? document.body);
  }
}

// The clipboard interface needs a secure context; labs on a classroom's plain HTTP have none.
function copyBySelection(text: string, place: HTMLElement): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  place.append(area);
  const focused = focusedElement();
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}

/** What has the focus, the page's own elements included, which are in a shadow root. */
function focusedElement(): Element | null {
  let found = document.activeElement;
  while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return found;
}

/** Says on a button for a moment, and aloud, whether what it copies is on the clipboard now. */
export function tellCopied(button: HTMLElement, copied: boolean, what = "Copied"): void {
  const before = told.get(button);
  before?.over.dispose();
  const usual = before?.usual ?? [...button.childNodes];
  const isIcon = usual.every((node) => !node.textContent);
  const mark = isIcon ? icon(copied ? "check" : "close") : copied ? "Copied" : "Not copied";
  button.replaceChildren(mark);
  announce(copied ? `${what}.` : "The browser does not allow copying.");
  const over = after(TOLD_MS, () => {
    told.delete(button);
    button.replaceChildren(...usual);
  });
  told.set(button, { usual, over });
}

/** The text that a program asks to be copied by OSC 52; null for a question, which stays unanswered. */
export function textOfOsc52(data: string): string | null {
  const [selection, encoded] = data.split(";");
  if (encoded === undefined || encoded === "?" || !/^(c|)$/.test(selection ?? "")) return null;
  try {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
