import { copyText } from "./clipboard";
import { resolveColor, schemeOn } from "./contrast";
import { drawDiagram } from "./diagram";
import { element, icon, iconButton } from "./dom";
import { after, type Disposable } from "./events";
import { announce, noticeBody, sentence } from "./notices";
import type { Block, BlockState, Role } from "./protocol";
import { Refusal } from "./rpc";

/** What blocks need of the lab around them. */
export interface BlockHost {
  readonly role: Role;
  terminalName(terminal: number): string;
  run(block: number): Promise<unknown>;
}

const COPIED_MS = 1500;

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** One code block of a page, dressed as a card that shows where it runs and how it stands. */
class BlockCard {
  readonly block: Block;
  readonly #host: BlockHost;
  readonly #card: HTMLElement;
  readonly #run: HTMLButtonElement | null;
  readonly #status = element("span", { class: "block-status" });
  readonly #note = element("p", { class: "note", hidden: true });
  #state: BlockState;
  #sending = false;

  constructor(block: Block, pre: HTMLElement, host: BlockHost) {
    this.block = block;
    this.#host = host;
    this.#state = block.state;
    const executable = block.kind === "executable";
    this.#run = executable ? this.#makeRun() : null;
    const copy = iconButton("copy", "Copy", "icon-button block-copy");
    copy.onclick = () => this.#copy(copy);
    const bar = element(
      "div",
      { class: "block-bar" },
      this.#run,
      this.#marks(),
      this.#status,
      copy,
    );
    this.#card = element("div", { class: "block", "data-kind": block.kind });
    pre.replaceWith(this.#card);
    this.#card.append(bar, pre, this.#note);
    if (executable) pre.addEventListener("click", () => this.#clicked());
    this.#paint();
  }

  update(state: BlockState): void {
    this.#state = state;
    this.#paint();
  }

  /** Gives the block the background that its author chose, with ink that can be read on it. */
  colour(): void {
    const { backgroundColor } = this.block;
    if (!backgroundColor) return;
    const base = getComputedStyle(this.#card).backgroundColor;
    const background = resolveColor(backgroundColor, base);
    if (!background) return;
    this.#card.style.setProperty("--block-background", `rgb(${background.join(" ")})`);
    this.#card.style.colorScheme = schemeOn(background);
    this.#card.classList.add("block-coloured");
  }

  #makeRun(): HTMLButtonElement {
    const name = this.#host.terminalName(this.block.terminal);
    const button = element(
      "button",
      {
        type: "button",
        class: "block-run",
        "aria-label": `Run in ${name}`,
        title: `Run in ${name}`,
      },
      icon("play"),
      element("span", { class: "block-terminal" }, name),
    );
    button.onclick = () => this.#start();
    return button;
  }

  #marks(): HTMLElement | null {
    if (this.block.kind === "text" || this.block.kind === "mermaid") {
      const label = this.block.language || "text";
      return element("span", { class: "block-language" }, label);
    }
    if (!this.block.interrupts) return null;
    const title = "Types Ctrl-C first, to end what runs in the terminal";
    return element("span", { class: "block-mark", title }, "Ctrl-C first");
  }

  get #exhausted(): boolean {
    const { runs } = this.#state;
    const { limit } = this.block;
    return limit !== null && runs >= limit;
  }

  #clicked(): void {
    // Who selects text wants to copy it, not to run it.
    const root = this.#card.getRootNode() as ShadowRoot & { getSelection?: () => Selection | null };
    const selection = root.getSelection?.() ?? document.getSelection();
    if (selection && !selection.isCollapsed && selection.toString().trim()) return;
    this.#start();
  }

  #start(): void {
    if (this.#sending) return;
    if (this.#host.role === "viewer") {
      this.#refuse("you are watching this lab; only its driver can run blocks", null);
      return;
    }
    if (this.#exhausted) {
      this.#refuse(this.#limitText(), null);
      return;
    }
    this.#sending = true;
    this.#note.hidden = true;
    this.#paint();
    this.#host
      .run(this.block.index)
      .catch((error: unknown) => {
        const hint = error instanceof Refusal ? error.hint : null;
        this.#refuse(error instanceof Error ? error.message : String(error), hint);
      })
      .finally(() => {
        this.#sending = false;
        this.#paint();
      });
  }

  #limitText(): string {
    const { limit } = this.block;
    if (limit === 0) return "this block may not run: its limit is 0";
    return `this block may run ${times(limit ?? 0)} only, and it did`;
  }

  #refuse(message: string, hint: string | null): void {
    this.#note.className = "note note-error";
    this.#note.replaceChildren(noticeBody(message, hint));
    this.#note.hidden = false;
    announce([sentence(message), hint ? sentence(hint) : ""].join(" "));
  }

  #copy(button: HTMLButtonElement): void {
    copyText(this.block.command.replace(/\n$/, "")).then(
      (copied) => {
        button.replaceChildren(icon(copied ? "check" : "close"));
        announce(copied ? "Copied." : "The browser does not allow copying.");
        after(COPIED_MS, () => button.replaceChildren(icon("copy")));
      },
      () => announce("The browser does not allow copying."),
    );
  }

  #paint(): void {
    const { runs, waiting } = this.#state;
    let state = "ready";
    let text = "";
    if (this.block.kind !== "executable") {
      state = "quiet";
      text = this.block.kind === "text" ? "not executable" : "";
    } else if (waiting > 0) {
      state = "waiting";
      text = waiting > 1 ? `${waiting} runs wait` : "waiting for the terminal";
    } else if (this.#sending) {
      state = "sending";
      text = "sending";
    } else if (this.#exhausted) {
      state = "exhausted";
      text = runs > 0 ? `ran ${times(runs)}, limit reached` : "limit is 0";
    } else if (runs > 0) {
      state = "ran";
      text = runs === 1 ? "ran" : `ran ${runs}×`;
    }
    this.#card.dataset.state = state;
    this.#status.replaceChildren(state === "ran" ? icon("check") : "", text);
    const { limit } = this.block;
    this.#status.title = limit === null ? "" : `May run ${times(limit)}`;
    if (this.#run) {
      const off = state === "exhausted" || this.#host.role === "viewer";
      this.#run.setAttribute("aria-disabled", String(off));
    }
  }
}

/** All blocks of the page that is shown. */
export class Blocks implements Disposable {
  readonly #cards: BlockCard[] = [];

  constructor(root: ParentNode, blocks: Block[], host: BlockHost) {
    const byIndex = new Map(blocks.map((block) => [String(block.index), block]));
    for (const pre of root.querySelectorAll<HTMLElement>("pre[data-block]")) {
      const block = byIndex.get(pre.dataset.block ?? "");
      if (!block) continue;
      if (block.kind === "mermaid") {
        drawDiagram(pre).catch((error: unknown) => announce(String(error)));
      } else {
        this.#cards.push(new BlockCard(block, pre, host));
      }
    }
  }

  /** Colours blocks; needs styles, so it is asked for once the page is in the document. */
  colour(): void {
    for (const card of this.#cards) card.colour();
  }

  update(state: BlockState): void {
    for (const card of this.#cards) if (card.block.state.id === state.id) card.update(state);
  }

  dispose(): void {
    this.#cards.length = 0;
  }
}
