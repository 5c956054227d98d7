import { Emitter } from "./events";
import type { Findable, FindResults } from "./find";

// Enough for anything that people look for one after the other; more only costs time.
const MOST_MATCHES = 2000;
// What stays free above and below a match that is scrolled to.
const MARGIN_PX = 80;
const ALL = "find";
const CURRENT = "find-current";
const BLOCKS =
  "p, li, pre, td, th, dt, dd, h1, h2, h3, h4, h5, h6, summary, div, figcaption, button";
const UNSEEN = "style, script, svg, .visually-hidden, [hidden]";

interface Piece {
  node: Text;
  start: number;
}

/** Finds where `text` is in the visible words of `content`, across emphasis and coloured code. */
function findRanges(content: HTMLElement, text: string): Range[] {
  const words = text.trim().split(/\s+/).map(escapeRegExp);
  if (words.join("") === "") return [];
  const { pieces, all } = collect(content);
  const ranges: Range[] = [];
  let at = 0;
  for (const match of all.matchAll(new RegExp(words.join("[^\\S\\f]+"), "giu"))) {
    const end = match.index + match[0].length;
    while ((pieces[at + 1]?.start ?? Number.POSITIVE_INFINITY) <= match.index) at += 1;
    let last = at;
    while ((pieces[last + 1]?.start ?? Number.POSITIVE_INFINITY) < end) last += 1;
    const [from, to] = [pieces[at], pieces[last]];
    if (!from || !to) continue;
    const range = document.createRange();
    range.setStart(from.node, match.index - from.start);
    range.setEnd(to.node, Math.min(end - to.start, to.node.length));
    ranges.push(range);
    if (ranges.length === MOST_MATCHES) break;
  }
  return ranges;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (char) => `\\${char}`);
}

/** All text with a form feed, which nobody types, between what stands in different blocks. */
function collect(content: HTMLElement): { pieces: Piece[]; all: string } {
  const walker = document.createTreeWalker(
    content,
    NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT,
    (node) => {
      if (node instanceof Text) return NodeFilter.FILTER_ACCEPT;
      const unseen = node instanceof Element && node.matches(UNSEEN);
      return unseen ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;
    },
  );
  const pieces: Piece[] = [];
  let all = "";
  let block: Element | null | undefined;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!(node instanceof Text)) continue;
    const own = node.parentElement?.closest(BLOCKS);
    if (own !== block) all += "\f";
    block = own;
    pieces.push({ node, start: all.length });
    all += node.data;
  }
  return { pieces, all };
}

/** Searches the step that is shown, and marks what it finds. */
export class PageFinder implements Findable {
  readonly onResults = new Emitter<FindResults>();
  readonly #content: () => HTMLElement;
  readonly #scroller: HTMLElement;
  #ranges: Range[] = [];
  #index = 0;
  #text = "";

  constructor(content: () => HTMLElement, scroller: HTMLElement) {
    this.#content = content;
    this.#scroller = scroller;
  }

  find(text: string, direction: 1 | -1, incremental: boolean): void {
    this.#text = text;
    // The page may have changed since: a block is coloured when it comes near.
    this.#ranges = findRanges(this.#content(), text);
    const count = this.#ranges.length;
    this.#index = incremental ? 0 : (this.#index + direction + count) % (count || 1);
    this.#mark();
    const range = this.#ranges[this.#index];
    if (range) this.#show(range);
  }

  /** Finds the same in a page that has changed, and leaves its reader where they are. */
  refresh(): void {
    if (!this.#text) return;
    this.#ranges = findRanges(this.#content(), this.#text);
    this.#index = Math.max(0, Math.min(this.#index, this.#ranges.length - 1));
    this.#mark();
  }

  clear(): void {
    this.#text = "";
    this.#ranges = [];
    this.#index = 0;
    this.#mark();
  }

  #mark(): void {
    this.onResults.fire({ index: this.#index, count: this.#ranges.length });
    // Browsers without highlights still go from match to match.
    if (!("highlights" in CSS)) return;
    CSS.highlights.set(ALL, new Highlight(...this.#ranges));
    const range = this.#ranges[this.#index];
    const current = new Highlight(...(range ? [range] : []));
    current.priority = 1;
    CSS.highlights.set(CURRENT, current);
  }

  #show(range: Range): void {
    const place = range.startContainer.parentElement;
    for (
      let fold = place?.closest("details");
      fold;
      fold = fold.parentElement?.closest("details")
    ) {
      fold.open = true;
    }
    // What is far away has no size yet; brought near, it can be measured.
    place?.scrollIntoView({ block: "nearest" });
    requestAnimationFrame(() => {
      const frame = this.#scroller.getBoundingClientRect();
      const match = range.getBoundingClientRect();
      if (match.height === 0) return;
      const above = match.top - (frame.top + MARGIN_PX);
      const below = match.bottom - (frame.bottom - MARGIN_PX);
      if (above < 0) this.#scroller.scrollBy({ top: above });
      else if (below > 0) this.#scroller.scrollBy({ top: below });
    });
  }
}
