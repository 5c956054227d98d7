import { element, required } from "./dom";
import { announce, noticeBody } from "./notices";
import type { CoveredFile, Role, Trust, Unattended } from "./protocol";
import { Refusal } from "./rpc";
import { visible } from "./visible";

/** What the question of trust needs of the lab. */
interface TrustHost {
  readonly role: Role;
  /** Lets the lab run what this hash stands for. */
  give(hash: string): Promise<unknown>;
}

const TITLE = "Let this lab run commands by itself?";
const AGAIN = "The lab has changed: this is what it would run now.";

/** Asks the driver, before the lab runs anything by itself, and shows all that it would run. */
export class TrustQuestion {
  readonly #host: TrustHost;
  readonly #dialog = required<HTMLDialogElement>("trust");
  readonly #note = element("section", {
    class: "trust-note",
    "aria-label": "Commands that wait",
    hidden: true,
  });
  readonly #list = element("div", {
    class: "trust-list",
    tabindex: "0",
    role: "region",
    "aria-label": "What the lab would run",
  });
  readonly #message = element("div", { class: "trust-message", role: "alert" });
  readonly #yes = element(
    "button",
    { type: "button", class: "button button-primary" },
    "Let them run",
  );
  readonly #no = element("button", { type: "button", class: "button" }, "Not now");
  #pending: Trust | null = null;

  constructor(host: TrustHost) {
    this.#host = host;
    const show = element("button", { type: "button", class: "button button-small" }, "Show them");
    show.onclick = () => this.#ask();
    this.#note.append(
      element(
        "span",
        { class: "note-text" },
        "This lab has commands that run by themselves. They wait for your yes.",
      ),
      show,
    );
    required("page").before(this.#note);
    this.#yes.onclick = () => this.#give();
    this.#no.onclick = () => this.#dialog.close();
    this.#dialog.onclose = () => this.#closed();
    this.#dialog.replaceChildren(
      element("h2", { id: "trust-title" }, TITLE),
      element(
        "p",
        { class: "trust-why", id: "trust-why" },
        "These would run without a click, on the computer that serves the lab and with the rights of whoever started it. Until you say yes you can read the lab, and a click on a block runs that block.",
      ),
      this.#list,
      this.#message,
      element("div", { class: "dialog-buttons" }, this.#no, this.#yes),
    );
  }

  /** Takes what waits for a yes; nothing where nothing does. */
  set(pending: Trust | null): void {
    const before = this.#pending;
    this.#pending = this.#host.role === "driver" ? pending : null;
    if (!this.#pending) {
      this.#note.hidden = true;
      if (this.#dialog.open) this.#dialog.close();
      return;
    }
    // Who said no is not asked the same again.
    if (this.#pending.hash === before?.hash) return;
    this.#ask(before !== null && this.#dialog.open);
  }

  #ask(again = false): void {
    if (!this.#pending) return;
    const { items, files } = this.#pending;
    this.#list.replaceChildren(
      element("ul", { class: "trust-items" }, ...items.map(item)),
      ...covered(files),
      element(
        "p",
        { class: "trust-bound" },
        files.length > 0
          ? "You are asked again when any of this changes. What the files call in turn is not looked at."
          : "You are asked again when any of this changes. What the commands call in turn is not looked at.",
      ),
    );
    this.#list.scrollTop = 0;
    this.#yes.disabled = false;
    this.#message.replaceChildren();
    if (again) this.#say(AGAIN);
    if (!this.#dialog.open) this.#dialog.showModal();
    // The yes is nobody's next keystroke; the list is what the keys scroll.
    this.#list.focus();
  }

  async #answer(hash: string): Promise<void> {
    this.#yes.disabled = true;
    try {
      await this.#host.give(hash);
    } catch (error) {
      // What has changed is shown already, and said.
      if (this.#pending?.hash !== hash) return;
      this.#say(
        error instanceof Error ? error.message : String(error),
        error instanceof Refusal ? error.hint : null,
      );
    } finally {
      this.#yes.disabled = false;
    }
  }

  #give(): void {
    if (this.#pending) void this.#answer(this.#pending.hash);
  }

  #say(message: string, hint: string | null | undefined = null): void {
    this.#message.replaceChildren(
      element("div", { class: "note note-warning" }, noticeBody(message, hint)),
    );
  }

  #closed(): void {
    this.#note.hidden = this.#pending === null;
    if (this.#pending) announce("Nothing runs by itself until you say yes.");
    if (document.activeElement === document.body) required("steps").focus();
  }
}

function item({ occasion, step, terminal, interrupts, text, file, line }: Unattended): HTMLElement {
  const name = element("strong", {}, visible(step));
  const where = element(
    "span",
    { class: "trust-place" },
    line ? `${visible(file)}:${line}` : visible(file),
  );
  const when = element("span", { class: "trust-when" });
  if (occasion === "load") {
    when.append("When ", name, " is opened");
    if (terminal !== null) when.append(", in ", element("strong", {}, visible(terminal)));
    if (interrupts) when.append(", after Ctrl-C");
  } else {
    when.append("A check in ", name);
    when.append(occasion === "block" ? ", after the block before it" : ", again and again");
  }
  return element(
    "li",
    { class: "trust-item" },
    element("p", { class: "trust-head" }, when, " ", where),
    element("pre", { class: "trust-text" }, visible(text).trimEnd() || "(only Enter)"),
  );
}

function covered(files: CoveredFile[]): HTMLElement[] {
  if (files.length === 0) return [];
  const entry = ({ path, whole }: CoveredFile): HTMLElement =>
    element(
      "li",
      {},
      element("code", {}, visible(path)),
      whole ? null : " (very large: its beginning only)",
    );
  return [
    element("h3", { class: "trust-files" }, "Your yes covers these files, which they name"),
    element("ul", { class: "trust-names" }, ...files.map(entry)),
  ];
}
