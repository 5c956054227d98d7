/** The keys that a touch keyboard lacks, and what one types most in a terminal besides. */
export const KEYS = ["Esc", "Tab", "←", "↑", "↓", "→", "|", "/", "-", "~"] as const;
export type Key = (typeof KEYS)[number];

/** Names of keys that are signs, for people who listen. */
export const KEY_NAMES: Record<Key, string> = {
  Esc: "Esc",
  Tab: "Tab",
  "←": "Left",
  "↑": "Up",
  "↓": "Down",
  "→": "Right",
  "|": "Pipe",
  "/": "Slash",
  "-": "Minus",
  "~": "Tilde",
};

const ARROWS: Partial<Record<Key, string>> = { "↑": "A", "↓": "B", "→": "C", "←": "D" };

/** What a terminal sends for a key: xterm's control sequences, DECCKM included. */
export function keySequence(key: Key, control: boolean, applicationCursor: boolean): string {
  const arrow = ARROWS[key];
  if (arrow) {
    if (control) return `\x1b[1;5${arrow}`;
    return applicationCursor ? `\x1bO${arrow}` : `\x1b[${arrow}`;
  }
  if (key === "Esc") return "\x1b";
  if (key === "Tab") return "\t";
  return control ? controlled(key) : key;
}

/** What one typed character becomes with Ctrl held; others stay as they are. */
export function controlled(text: string): string {
  if (text.length !== 1) return text;
  if (text === "?") return "\x7f";
  // As terminals have always had it: these keys give what their neighbours on old keyboards gave.
  const moved: Record<string, string> = {
    " ": "\0",
    "/": "\x1f",
    "-": "\x1f",
    "~": "\x1e",
    "|": "\x1c",
  };
  const code = text.toUpperCase().charCodeAt(0);
  return moved[text] ?? (code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : text);
}
