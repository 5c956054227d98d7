// @ts-check
/** Renders the texts from standard input with markdown-it; prints the median time, in µs a text. */

import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const tools = new URL("../../target/bench-tools/node/package.json", import.meta.url);
const MarkdownIt = createRequire(tools)("markdown-it");

const { milliseconds, texts } = JSON.parse(await text(process.stdin));
const markdown = new MarkdownIt({ html: true });

/** @param {number} duration */
function passes(duration) {
  const times = [];
  const began = performance.now();
  while (performance.now() - began < duration) {
    const pass = performance.now();
    for (const source of texts) markdown.render(source);
    times.push(((performance.now() - pass) * 1000) / texts.length);
  }
  return times.sort((a, b) => a - b);
}

// The compiler gets as long to warm up as the measurement takes.
passes(milliseconds);
const times = passes(milliseconds);
process.stdout.write(`${times[Math.floor(times.length / 2)]}\n`);
