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
  const focused = document.activeElement;
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
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
