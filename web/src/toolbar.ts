import { element, icon, iconButton, required } from "./dom";
import type { StepInfo } from "./protocol";
import { StepList } from "./steplist";
import { fillViewMenu } from "./viewmenu";
import type { Visits } from "./visits";
import type { Way } from "./way";

/** What the bar's controls do. */
interface ToolbarHost {
  load(step: string): void;
  find(): void;
  reload(): void;
  startOver(): void;
}

/** The slim bar above the lab: where one is, and the controls of the whole lab. */
export class Toolbar {
  readonly #scenario = required("scenario");
  readonly #title = required("step-title");
  readonly #steps: StepList;
  readonly #visits: Visits;
  readonly #driverTools: HTMLElement[];

  constructor(host: ToolbarHost, visits: Visits, way: Way) {
    this.#visits = visits;
    this.#steps = new StepList(visits, way, (step) => host.load(step));
    const find = iconButton("search", "Find in this step (Ctrl+Shift+F)", "icon-button");
    find.onclick = () => host.find();
    const reload = iconButton("reload", "Load this step again", "icon-button");
    reload.onclick = () => host.reload();
    const restart = iconButton("restart", "Start the lab over", "icon-button");
    restart.onclick = () => this.#askToStartOver();
    const transcript = element(
      "a",
      {
        class: "icon-button transcript-button",
        href: "transcript.zip",
        download: true,
        "aria-label": "Download transcript",
        title: "Download transcript: what was run, its output, and a recording of each terminal",
      },
      icon("download"),
    );
    const view = iconButton("view", "Settings and more", "icon-button view-button");
    view.setAttribute("popovertarget", "view-menu");
    const dialog = required<HTMLDialogElement>("start-over");
    dialog.onclose = () => {
      if (dialog.returnValue === "yes") host.startOver();
    };
    for (const button of dialog.querySelectorAll("button")) {
      button.onclick = () => dialog.close(button.value);
    }
    this.#driverTools = [reload, restart, transcript];
    required("tools").append(find, reload, restart, transcript, view);
    fillViewMenu();
  }

  setLab(title: string, steps: StepInfo[], driver: boolean): void {
    this.#scenario.textContent = title;
    this.setDriver(driver);
    this.#steps.setSteps(steps);
  }

  setDriver(driver: boolean): void {
    for (const tool of this.#driverTools) tool.hidden = !driver;
    this.#steps.setDriver(driver);
  }

  /** Shows anew how far the lab is. */
  progressed(): void {
    this.#steps.progressed();
  }

  setSteps(steps: StepInfo[]): void {
    this.#steps.setSteps(steps);
  }

  setStep(step: string, title: string): void {
    // The first step often has the lab's own title.
    const scenario = this.#scenario.textContent;
    this.#title.textContent = title === scenario ? "" : title;
    document.title = title === scenario ? title : `${title} · ${scenario}`;
    this.#visits.visit(step);
    this.#steps.setStep(step, title);
  }

  #askToStartOver(): void {
    const dialog = required<HTMLDialogElement>("start-over");
    dialog.returnValue = "";
    dialog.showModal();
  }
}
