import type { TextBuffer } from "./plaintext";

/** What is needed of xterm's buffer to find where a command began. */
interface CommandBuffer extends TextBuffer {
  readonly baseY: number;
  readonly cursorX: number;
  readonly cursorY: number;
}

// How shells end a prompt. Without one of these, a line is a program's, not a shell's.
const PROMPT_END = /[$#%>❯»λ]\s*$/;

/** The row where the line that the cursor is in begins. */
export function cursorRow(buffer: CommandBuffer): number {
  let row = buffer.baseY + buffer.cursorY;
  while (row > 0 && buffer.getLine(row)?.isWrapped) row -= 1;
  return row;
}

/**
 * Where the last command was typed, judged by the screen alone: the nearest line above the prompt
 * that begins with the same prompt and goes on. Null where no shell waits for a command, or its
 * prompt is a new one each time.
 */
export function rowOfLastCommand(buffer: CommandBuffer): number | null {
  const here = cursorRow(buffer);
  if (here !== buffer.baseY + buffer.cursorY) return null;
  const line = buffer.getLine(here)?.translateToString(false) ?? "";
  const prompt = line.slice(0, buffer.cursorX);
  if (!PROMPT_END.test(prompt)) return null;
  for (let row = here - 1; row >= 0; row -= 1) {
    const above = buffer.getLine(row);
    if (!above || above.isWrapped) continue;
    const text = above.translateToString(true);
    if (text.startsWith(prompt) && text.length > prompt.length) return row;
  }
  return null;
}
