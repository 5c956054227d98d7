import { after, type Disposable } from "./events";
import type { Place } from "./protocol";

// Notes above and between the elements are each reader's own, and don't count.
const OUTERMOST = ":scope > :not(.note)";
const TOP_PX = 2;
const PAUSE_MS = 200; // five places a second look fluent, and cost an audience little
const GLIDE_SCREENS = 1.5;

/** What is at the top of a page: an outermost element's index, and how far it is scrolled through. */
export function anchorOf(scroller: HTMLElement, content: HTMLElement): number {
  if (scroller.scrollTop < TOP_PX) return 0;
  const { top } = scroller.getBoundingClientRect();
  let last = 0;
  for (const [index, child] of content.querySelectorAll(OUTERMOST).entries()) {
    const box = child.getBoundingClientRect();
    last = index;
    if (box.bottom <= top || box.height === 0) continue;
    const fraction = Math.max(0, Math.min((top - box.top) / box.height, 0.999));
    return Math.round((index + fraction) * 1000) / 1000;
  }
  return last;
}

/** Brings to the top what is at the top of somebody else's page. */
export function scrollToAnchor(scroller: HTMLElement, content: HTMLElement, anchor: number): void {
  const index = Math.floor(anchor);
  const child = content.querySelectorAll(OUTERMOST)[index];
  let top = 0;
  if (anchor > 0 && child) {
    const box = child.getBoundingClientRect();
    const there = box.top - scroller.getBoundingClientRect().top + (anchor - index) * box.height;
    top = scroller.scrollTop + there;
  }
  const near = Math.abs(top - scroller.scrollTop) < scroller.clientHeight * GLIDE_SCREENS;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  scroller.scrollTo({ top, behavior: near && !calm && !document.hidden ? "smooth" : "instant" });
}

/** Tells an audience where the driver is: seldom enough, and only what changed. */
export class PlaceReporter {
  readonly #look: () => Place | null;
  readonly #send: (place: Place) => void;
  #viewers = 0;
  #told = "";
  #pause: Disposable | null = null;
  #due = false;
  // Another tab of the driver's leads, until something is done in this one.
  #yields = false;

  constructor(look: () => Place | null, send: (place: Place) => void) {
    this.#look = look;
    this.#send = send;
    const lead = (): void => {
      this.#yields = false;
    };
    for (const type of ["pointerdown", "keydown", "wheel"]) {
      window.addEventListener(type, lead, { capture: true, passive: true });
    }
  }

  /** Notes how many watch; who comes is told at once. */
  setViewers(viewers: number): void {
    const came = viewers > this.#viewers;
    this.#viewers = viewers;
    if (came) this.changed();
  }

  /** Another tab of the driver's said where it is. */
  yield(place: Place): void {
    this.#yields = true;
    this.#told = JSON.stringify(place);
  }

  /** Says everything again, to a server that may have forgotten it. */
  again(): void {
    this.#told = "";
    this.changed();
  }

  /** Something may have changed. */
  changed(): void {
    if (this.#viewers === 0 || this.#yields) return;
    if (this.#pause) {
      this.#due = true;
      return;
    }
    this.#due = false;
    const place = this.#look();
    const text = JSON.stringify(place);
    if (place && text !== this.#told) {
      this.#told = text;
      this.#send(place);
    }
    this.#pause = after(PAUSE_MS, () => {
      this.#pause = null;
      if (this.#due) this.changed();
    });
  }
}
