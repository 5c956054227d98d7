import type { BlockHost } from "./blockcard";
import { Blocks } from "./blocks";
import { DiagnosticsPanel } from "./diagnostics";
import { element } from "./dom";
import { Disposables, listen } from "./events";
import { highlightAll } from "./highlight";
import { mendImages } from "./images";
import { focusWide, mendHtml } from "./mend";
import { announce, noticeBody, sentence } from "./notices";
import type {
  BlockRun,
  BlockState,
  Busy,
  CheckState,
  Page,
  ShowMessage,
  StepRun,
} from "./protocol";
import { ReadingPlace } from "./readingplace";
import { Refusal } from "./rpc";
import { SavedFiles } from "./savedfiles";
import { StepRunBar, type StepRunHost } from "./steprun";
import { css } from "./styles/page.css";
import { setServerHtml } from "./trusted";
import { decodeUri } from "./uri";
import { Locks, type Way } from "./way";

/** What a page needs of the lab around it. */
interface PageHost extends BlockHost, Omit<StepRunHost, "reveal"> {
  /** How far the lab is. */
  readonly way: Way;
  follow(link: number): Promise<unknown>;
}

const SLOW_MS = 150;

/** Why a link did nothing. A link that types is no block, though the lab counts it like one. */
function explain(error: unknown): { message: string; hint: string | null } {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Refusal ? error.hint : null;
  return { message: message.replace(/^this block /, "this command "), hint };
}

/** The steps' side: one page at a time, in a shadow root of its own. */
export class PageView {
  readonly #scroller: HTMLElement;
  readonly #root: ShadowRoot;
  #content: HTMLElement = element("div", { class: "page" });
  readonly #host: PageHost;
  #parts = new Disposables();
  readonly #problems = new DiagnosticsPanel();
  readonly #saved = new SavedFiles();
  readonly #stepRun: StepRunBar;
  // In the shadow root, where the links that it describes can name it; a note is no part of the step.
  readonly #reason = element(
    "p",
    { id: "katahost-watching", class: "note", hidden: true },
    "You are watching: only who has the keyboard can use this link.",
  );
  readonly #locks: Locks;
  #blocks: Blocks | null = null;
  #page: Page | null = null;

  constructor(scroller: HTMLElement, place: HTMLElement, host: PageHost) {
    this.#scroller = scroller;
    this.#host = host;
    this.#locks = new Locks(host.way);
    this.#root = place.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.#root.adoptedStyleSheets = [sheet];
    this.#stepRun = new StepRunBar({
      get role() {
        return host.role;
      },
      runStep: () => host.runStep(),
      stopStep: () => host.stopStep(),
      reveal: (block) => this.#blocks?.reveal(block),
      fail: (error) => host.fail(error),
    });
    this.#root.append(this.#problems.element, this.#stepRun.element, this.#content);
    mendImages(this.#root);
    listen<MouseEvent>(this.#root, "click", (event) => this.#clicked(event));
  }

  get page(): Page | null {
    return this.#page;
  }

  /** What is shown now, to be searched. */
  get content(): HTMLElement {
    return this.#content;
  }

  /** What an author should hear of the step; empty for everybody else. */
  get problems(): string {
    return this.#problems.spoken;
  }

  /** Shows a page from its top. */
  show(page: Page, message: ShowMessage | null = null): void {
    // Dressed before it is in the document: there each change would cost a look at all of it.
    const content = element("div", { class: "page" });
    setServerHtml(content, page.html);
    this.#saved.apply(content);
    mendHtml(content);
    const blocks = new Blocks(content, page, this.#host);
    const highlighting = highlightAll(content, this.#scroller);
    this.#begin(page, content);
    this.#blocks = this.#parts.add(blocks);
    this.#diagnose(page);
    this.#parts.add(highlighting);
    this.#parts.add(focusWide(content, this.#scroller));
    blocks.colour();
    this.setRole();
    if (message) this.#content.prepend(this.#note(message));
    this.#scroller.scrollTop = 0;
  }

  /** Shows the page anew that its author saved, or files of it; who reads it stays where it is. */
  reload(page: Page, files: string[]): void {
    this.#saved.note(files);
    if (this.#page?.revision === page.revision && files.length === 0) {
      this.refresh(page);
      return;
    }
    const place = new ReadingPlace(this.#content, this.#scroller);
    this.show(page);
    place.restore(this.#content);
  }

  /** Keeps a page that did not change while the connection was lost; only its marks may have. */
  refresh(page: Page): void {
    this.#page = page;
    for (const block of page.blocks) this.#blocks?.update(block.state, false);
    for (const check of page.checks ?? []) this.#blocks?.check(check, false);
    this.progressed();
    this.#diagnose(page);
  }

  /** Says why there is no page. */
  showMissing(message: ShowMessage): void {
    this.#begin(null, element("div", { class: "page" }, this.#note(message)));
    this.#problems.show("", []);
  }

  /** Takes how the run of a step's blocks stands; what is told `live` is said, too. */
  stepRun(told: StepRun | null, live: boolean): void {
    this.#stepRun.update(told, live);
  }

  /** Asks at a block what to do about its busy terminal. Says whether it is shown. */
  question(block: number, busy: Busy): boolean {
    return this.#blocks?.question(block, busy) ?? false;
  }

  /** Brings who looked at the output of a run back to its block, if that is shown. */
  comeBack({ step, block }: BlockRun): void {
    if (this.#page?.step === step) this.#blocks?.comeBack(block);
  }

  /** Shows that a block runs, and brings it into view. */
  flash(id: string): void {
    this.#blocks?.flash(id)?.scrollIntoView({ block: "nearest" });
  }

  /** Notes that this client may do more or less than before. */
  setRole(): void {
    this.#blocks?.setRole();
    this.#stepRun.paint();
    const watching = this.#host.role === "viewer";
    this.#reason.remove();
    if (watching) this.#content.append(this.#reason);
    // Links that lead to a step can be followed by who only reads; the others would do something.
    for (const link of this.#content.querySelectorAll<HTMLElement>('a[data-link][href="#"]')) {
      link.toggleAttribute("data-off", watching);
      if (watching) {
        link.setAttribute("aria-disabled", "true");
        link.setAttribute("aria-describedby", this.#reason.id);
        link.title = this.#reason.textContent ?? "";
      } else {
        for (const name of ["aria-disabled", "aria-describedby", "title"])
          link.removeAttribute(name);
      }
    }
    this.progressed();
  }

  /** Shows anew what the way on waits for. Who only reads is held nowhere. */
  progressed(): void {
    if (!this.#page) return;
    this.#blocks?.progress(this.#host.way.at(this.#page.step));
    this.#locks.paint(this.#content, this.#page, this.#host.role !== "viewer");
  }

  check(state: CheckState): void {
    this.#blocks?.check(state, true);
  }

  /** How often the block with an id was known to have run. */
  runs(id: string): number {
    return this.#blocks?.runs(id) ?? 0;
  }

  update(state: BlockState): void {
    this.#blocks?.update(state, true);
    for (const block of this.#page?.blocks ?? []) {
      if (block.state.id === state.id) block.state = { ...block.state, runs: state.runs };
    }
    this.#stepRun.paint();
  }

  #begin(page: Page | null, content: HTMLElement): void {
    this.#content.replaceWith(content);
    this.#content = content;
    this.#parts.dispose();
    this.#parts = new Disposables();
    this.#blocks = null;
    this.#page = page;
    this.#stepRun.show(page);
  }

  #diagnose({ step, diagnostics = [] }: Page): void {
    this.#problems.show(step, diagnostics);
    this.#blocks?.mark(diagnostics, (found) => this.#problems.reveal(found));
  }

  #note({ severity, message, hint }: ShowMessage): HTMLElement {
    announce(sentence(message));
    return element("p", { class: `note note-${severity}` }, noticeBody(message, hint));
  }

  #clicked(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const target = event.composedPath()[0];
    const link = target instanceof Element ? target.closest<HTMLElement>("a") : null;
    if (!link) return;
    const href = link.getAttribute("href") ?? "";
    if (link.dataset.link !== undefined) {
      event.preventDefault();
      this.#follow(link, Number(link.dataset.link));
    } else if (href.startsWith("#")) {
      event.preventDefault();
      this.#scrollTo(decodeUri(href.slice(1)));
    }
  }

  #scrollTo(id: string): void {
    const target = id ? this.#root.getElementById(id) : this.#content;
    if (!target) return;
    target.scrollIntoView();
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
  }

  #follow(link: HTMLElement, index: number): void {
    if (link.getAttribute("aria-busy") === "true") return;
    if (link.hasAttribute("data-off")) {
      this.#noteBeside(link, new Error("you are watching; ask for the keyboard to use this link"));
      return;
    }
    if (link.hasAttribute("data-locked") && this.#page) {
      this.#noteBeside(link, new Error(this.#host.way.reason(this.#page.step)));
      return;
    }
    this.#noteBeside(link, null);
    const slow = setTimeout(() => link.setAttribute("aria-busy", "true"), SLOW_MS);
    this.#host
      .follow(index)
      .catch((error: unknown) => this.#noteBeside(link, error))
      .finally(() => {
        clearTimeout(slow);
        link.removeAttribute("aria-busy");
      });
  }

  /** Puts an error where the learner looks: below the paragraph or bar that holds the link. */
  #noteBeside(link: HTMLElement, error: unknown): void {
    const place = link.closest(
      ".navigation-top, .navigation-bottom, p, h1, h2, h3, h4, h5, h6, .table-frame, ul, ol",
    );
    const anchor = place ?? link;
    const next = anchor.nextElementSibling;
    if (next?.matches(".note-link")) next.remove();
    if (error === null) return;
    const { message, hint } = explain(error);
    anchor.after(element("p", { class: "note note-error note-link" }, noticeBody(message, hint)));
    announce([sentence(message), hint ? sentence(hint) : ""].join(" "));
  }
}
