// Controls but tab and line feed, and what turns the direction of text or has no width.
const HIDDEN = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text that hides nothing from its reader: what would not be seen is written out. */
export function visible(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(HIDDEN, (letter) => `\\u{${letter.codePointAt(0)?.toString(16)}}`);
}
