/** The part of xterm's buffer that is needed here; the headless build has it too. */
export interface TextBuffer {
  readonly length: number;
  getLine(
    y: number,
  ): { readonly isWrapped: boolean; translateToString(trimRight?: boolean): string } | undefined;
}

/** The lines of a terminal from a row on, up to another, as plain text: wrapped ones joined, empty ends cut. */
export function plainText(buffer: TextBuffer, from = 0, to = buffer.length): string {
  const lines: string[] = [];
  for (let y = from; y < Math.min(to, buffer.length); y += 1) {
    const line = buffer.getLine(y);
    if (!line) continue;
    // A line that goes on in the next row is full; its spaces at the end are part of it.
    const goesOn = buffer.getLine(y + 1)?.isWrapped ?? false;
    const whole = line.translateToString(!goesOn);
    const text = goesOn ? whole : whole.trimEnd();
    const last = lines.length - 1;
    if (line.isWrapped && last >= 0) lines[last] += text;
    else lines.push(text);
  }
  while (lines.length > 0 && lines.at(-1) === "") lines.pop();
  return lines.join("\n");
}
