// Controls but tab and line feed, and what turns the direction of text or has no width.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Text that hides nothing from its reader: what would not be seen is written out. */
export function visible(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(HIDDEN, (letter) => `\\u{${letter.charCodeAt(0).toString(16)}}`);
}
