import { element, iconButton, required } from "./dom";
import { themeButton } from "./theme";

/** What the bar's controls do. */
export interface ToolbarHost {
  load(step: string): void;
  reload(): void;
  startOver(): void;
}

const collator = new Intl.Collator("en", { numeric: true });

/** `intro` first, and then as people count: `step2` before `step10`. */
function byPlace(a: string, b: string): number {
  return Number(b === "intro") - Number(a === "intro") || collator.compare(a, b);
}

/** The slim bar above the lab: where one is, and the controls of the whole lab. */
export class Toolbar {
  readonly #scenario = required("scenario");
  readonly #title = required("step-title");
  readonly #menu = required("step-menu");
  readonly #list = required("step-list");
  readonly #host: ToolbarHost;
  readonly #driverTools: HTMLElement[];
  #steps: string[] = [];
  #driver = false;
  #step = "";

  constructor(host: ToolbarHost) {
    this.#host = host;
    const reload = iconButton("reload", "Load this step again", "icon-button");
    reload.onclick = () => host.reload();
    const restart = iconButton("restart", "Start the lab over", "icon-button");
    const dialog = required<HTMLDialogElement>("start-over");
    restart.onclick = () => {
      dialog.returnValue = "";
      dialog.showModal();
    };
    dialog.onclose = () => {
      if (dialog.returnValue === "yes") host.startOver();
    };
    for (const button of dialog.querySelectorAll("button")) {
      button.onclick = () => dialog.close(button.value);
    }
    this.#driverTools = [reload, restart];
    required("tools").append(reload, restart, themeButton());
  }

  setLab(scenario: string, steps: string[], driver: boolean): void {
    this.#scenario.textContent = scenario;
    this.#steps = steps.toSorted(byPlace);
    for (const tool of this.#driverTools) tool.hidden = !driver;
    this.#driver = driver;
    this.#paint();
  }

  setStep(step: string, title: string): void {
    this.#step = step;
    this.#title.textContent = title;
    document.title = `${title} · ${this.#scenario.textContent}`;
    this.#paint();
  }

  #paint(): void {
    // The one step is worth a list where it is not the one that is shown, as without an `intro`.
    const elsewhere = this.#steps.some((step) => step !== this.#step);
    this.#menu.hidden = !this.#driver || !elsewhere;
    this.#list.replaceChildren(
      ...this.#steps.map((step) => {
        const button = element(
          "button",
          { type: "button", class: "menu-item", "aria-current": step === this.#step && "step" },
          step,
        );
        button.onclick = () => {
          this.#list.hidePopover();
          this.#host.load(step);
        };
        return element("li", {}, button);
      }),
    );
  }
}
