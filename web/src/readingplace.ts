const LANDMARKS = "h1, h2, h3, h4, h5, h6, p, li, pre, table, img, blockquote, dt, dd, summary";
const FOCUSABLE = "a[href], button, summary, [tabindex]";
// As much as a window shows, so that one of them is still there after any ordinary edit.
const MOST_LANDMARKS = 60;

/** Elements by what they say, and the how-manieth of its kind each is. */
function byText(content: ParentNode, selector: string): Map<string, HTMLElement> {
  const counts = new Map<string, number>();
  const found = new Map<string, HTMLElement>();
  for (const one of content.querySelectorAll<HTMLElement>(selector)) {
    // Buttons of all blocks say the same; a key pressed after a save must not run another block.
    const block = one.closest(".block")?.querySelector("pre");
    const source = one.getAttribute("src")?.replace(/\?.*$/, "") ?? one.getAttribute("href") ?? "";
    const text = block ? block.textContent : one.textContent;
    const what = `${one.localName} ${one.className} ${source} ${text.trim()}`;
    const count = (counts.get(what) ?? 0) + 1;
    counts.set(what, count);
    found.set(`${count} ${what}`, one);
  }
  return found;
}

/** Where somebody is in a page: found again in the page's next version. */
export class ReadingPlace {
  readonly #scroller: HTMLElement;
  readonly #top: number;
  readonly #landmarks: [string, number][] = [];
  readonly #opened = new Map<string, boolean>();
  #focused: string | null = null;

  constructor(content: HTMLElement, scroller: HTMLElement) {
    this.#scroller = scroller;
    this.#top = scroller.scrollTop;
    const edge = scroller.getBoundingClientRect().top;
    const before: [string, number][] = [];
    for (const [key, landmark] of byText(content, LANDMARKS)) {
      const { top, bottom } = landmark.getBoundingClientRect();
      const seen = bottom > edge;
      (seen ? this.#landmarks : before).push([key, top]);
      if (this.#landmarks.length >= MOST_LANDMARKS) break;
    }
    // What is in view is best; what was read last is better than nothing.
    this.#landmarks.push(...before.slice(-MOST_LANDMARKS).reverse());
    for (const [key, details] of this.#details(content)) this.#opened.set(key, details.open);
    const focused = (content.getRootNode() as ShadowRoot).activeElement;
    if (!focused || !content.contains(focused)) return;
    for (const [key, one] of byText(content, FOCUSABLE)) if (one === focused) this.#focused = key;
  }

  /** Goes to the place in a page that is in the document. */
  restore(content: HTMLElement): void {
    for (const [key, details] of this.#details(content)) {
      details.open = this.#opened.get(key) ?? details.open;
    }
    if (this.#focused !== null) {
      byText(content, FOCUSABLE).get(this.#focused)?.focus({ preventScroll: true });
    }
    this.#scroller.scrollTop = this.#top;
    if (this.#top === 0) return;
    const now = byText(content, LANDMARKS);
    for (const [key, top] of this.#landmarks) {
      const landmark = now.get(key);
      if (!landmark) continue;
      this.#scroller.scrollTop += landmark.getBoundingClientRect().top - top;
      return;
    }
  }

  *#details(content: HTMLElement): Iterable<[string, HTMLDetailsElement]> {
    for (const [key, summary] of byText(content, "summary")) {
      const details = summary.parentElement;
      if (details instanceof HTMLDetailsElement) yield [key, details];
    }
  }
}
