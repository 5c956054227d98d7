import { Emitter, listen } from "./events";
import { scrollToAnchor } from "./place";
import type { Page, Place } from "./protocol";
import { recall, remember } from "./storage";

/** What a follower needs of the lab. */
export interface FollowHost {
  readonly scroller: HTMLElement;
  readonly content: HTMLElement;
  readonly shown: Page | null;
  show(page: Page): void;
  reveal(terminal: number): void;
  /** Brings the steps into view where there is room for one thing only. */
  turnToSteps(): void;
}

// A scroll this long after a wheel, a key or a touch is the reader's own.
const INTENT_MS = 700;

/** Keeps a viewer where the driver is, until the viewer looks around. */
export class Follow {
  /** Following was switched on or off, or the driver went to another step. */
  readonly onChange = new Emitter<void>();
  readonly #host: FollowHost;
  readonly #key: string;
  #active = false;
  #following: boolean;
  #page: Page | null = null;
  #place: Place | null = null;
  #meant = 0;

  constructor(host: FollowHost, key: string) {
    this.#host = host;
    this.#key = key;
    // Whoever comes to the next show of the same lab follows again.
    this.#following = recall(key, "tab") !== "off";
    const mean = (): void => {
      this.#meant = performance.now();
    };
    for (const type of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      listen(host.scroller, type, mean, { passive: true, capture: true });
    }
    listen(host.scroller, "scroll", () => {
      if (this.#active && performance.now() - this.#meant < INTENT_MS) this.set(false);
    });
    // Pictures and diagrams come late and move what is below them.
    new ResizeObserver(() => this.#goThere()).observe(
      host.scroller.firstElementChild ?? host.scroller,
    );
  }

  get following(): boolean {
    return this.#following;
  }

  /** The page that the lab shows, whatever is read here. */
  get page(): Page | null {
    return this.#page;
  }

  /** Says whether this client only watches: then a page of the lab is shown only while following. */
  setActive(active: boolean): void {
    this.#active = active;
  }

  set(following: boolean): void {
    if (following) this.#catchUp();
    if (following === this.#following) return;
    this.#following = following;
    remember(this.#key, following ? "on" : "off", "tab");
    if (following) this.#goThere();
    this.onChange.fire();
  }

  /** The lab shows a page. Says whether it is to be shown here. */
  turn(page: Page | null): boolean {
    this.#page = page;
    this.onChange.fire();
    return !this.#active || this.#following;
  }

  /** The page was put on the screen. */
  shown(): void {
    this.#goThere();
  }

  /** The driver moved. */
  place(place: Place | null): void {
    const before = this.#place;
    this.#place = place;
    if (!place || !this.#active || !this.#following) return;
    if (before && (place.scroll !== before.scroll || place.step !== before.step)) {
      this.#host.turnToSteps();
    }
    this.#goThere();
    if (place.terminal !== null && place.terminal !== before?.terminal) {
      this.#host.reveal(place.terminal);
    }
  }

  /** Something runs in a terminal. */
  ran(terminal: number): void {
    if (this.#active && this.#following) this.#host.reveal(terminal);
  }

  #catchUp(): void {
    const { shown } = this.#host;
    const page = this.#page;
    if (page && (shown?.step !== page.step || shown.revision !== page.revision)) {
      this.#host.show(page);
    }
    const terminal = this.#place?.terminal ?? null;
    if (terminal !== null) this.#host.reveal(terminal);
    this.#host.turnToSteps();
  }

  #goThere(): void {
    const place = this.#place;
    if (!place || !this.#active || !this.#following) return;
    if (this.#host.shown?.step !== place.step) return;
    this.#meant = 0;
    scrollToAnchor(this.#host.scroller, this.#host.content, place.scroll);
  }
}
