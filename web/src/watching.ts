import { element, icon, required } from "./dom";
import type { Follow } from "./follow";
import { announce } from "./notices";
import { type LabClients, MAX_NAME_CHARS, type Role } from "./protocol";
import { recall, remember } from "./storage";

const NAME_KEY = "katahost.name";

/** The name that this browser's person gave; empty where none was given. */
export function ownName(): string {
  return recall(NAME_KEY) ?? "";
}

/** What the bar of a viewer does. */
interface WatchingHost {
  ask(): void;
  giveBack(): void;
  named(): void;
}

/** The bar that says that one watches, and what one may do. */
export class Watching {
  readonly #bar = required("watching");
  readonly #follow: Follow;
  readonly #host: WatchingHost;
  readonly #text = element("span", { class: "watching-text" });
  readonly #switch: HTMLButtonElement;
  readonly #name: HTMLButtonElement;
  readonly #keyboard: HTMLButtonElement;
  #role: Role = "driver";
  #asked = false;
  #declined = false;
  #driverAway = false;

  constructor(follow: Follow, host: WatchingHost) {
    this.#follow = follow;
    this.#host = host;
    this.#switch = element("button", { type: "button", class: "button button-small follow" });
    this.#switch.onclick = () => follow.set(!follow.following);
    this.#name = element("button", {
      type: "button",
      class: "button button-small button-quiet",
      popovertarget: "own-name",
    });
    this.#keyboard = element("button", { type: "button", class: "button button-small" });
    this.#keyboard.onclick = () => this.#press();
    this.#bar.replaceChildren(icon("eye"), this.#text, this.#switch, this.#name, this.#keyboard);
    this.#bar.after(this.#nameForm());
    follow.onChange.on(() => this.#paint());
  }

  setRole(role: Role, declined = false): void {
    const before = this.#role;
    this.#role = role;
    this.#declined = declined;
    this.#asked = false;
    if (role === "guest") announce("You have the keyboard. What you type goes into the lab.");
    else if (before === "guest")
      announce("You gave the keyboard back, or it was taken. You are watching.");
    else if (declined) announce("The presenter keeps the keyboard for now.");
    this.#paint();
  }

  setClients({ drivers }: LabClients): void {
    const away = drivers === 0;
    if (away !== this.#driverAway && !this.#bar.hidden) {
      announce(away ? "The presenter is not here at the moment." : "The presenter is here again.");
    }
    this.#driverAway = away;
    this.#paint();
  }

  /** A wish was not taken to the lab. */
  notAsked(): void {
    this.#asked = false;
    this.#paint();
  }

  #press(): void {
    if (this.#role === "guest" || this.#asked) {
      this.#asked = false;
      this.#host.giveBack();
    } else {
      this.#asked = true;
      this.#declined = false;
      announce("You asked for the keyboard.");
      this.#host.ask();
    }
    this.#paint();
  }

  #words(): string {
    if (this.#role === "guest") return "You have the keyboard: what you type goes into the lab";
    const { following, page } = this.#follow;
    if (this.#driverAway) return "Watching · the presenter is not here at the moment";
    if (this.#declined) return "The presenter keeps the keyboard for now";
    if (this.#asked) return "You asked for the keyboard; the presenter decides";
    if (following) return "Watching · following the presenter";
    return page ? `Watching · the presenter is at “${page.title}”` : "Watching";
  }

  #paint(): void {
    const guest = this.#role === "guest";
    this.#bar.hidden = this.#role !== "viewer" && !guest;
    this.#bar.dataset.role = this.#role;
    this.#text.textContent = this.#words();
    const { following } = this.#follow;
    this.#switch.hidden = guest;
    this.#switch.setAttribute("aria-pressed", String(following));
    this.#switch.replaceChildren(...(following ? [icon("check"), "Following"] : ["Follow"]));
    this.#switch.title = following
      ? "You see what the presenter sees; press to look around by yourself"
      : "Catch up with the presenter and go along";
    const name = ownName();
    this.#name.textContent = name || "Your name";
    this.#name.title = name ? `Your name here is ${name}; press to change it` : "Say who you are";
    this.#name.setAttribute("aria-label", name ? `Your name: ${name}. Change it` : "Your name");
    if (guest) this.#keyboard.textContent = "Give it back";
    else this.#keyboard.textContent = this.#asked ? "Asked – take it back" : "Ask for the keyboard";
  }

  #nameForm(): HTMLElement {
    const input = element("input", {
      class: "field",
      id: "own-name-field",
      maxlength: String(MAX_NAME_CHARS),
      autocomplete: "nickname",
      value: ownName(),
    });
    const form = element(
      "form",
      { class: "menu name-form", id: "own-name", popover: "auto" },
      element("label", { for: "own-name-field" }, "Your name, for the presenter to see"),
      input,
      element("button", { type: "submit", class: "button" }, "Save"),
    );
    form.addEventListener("toggle", () => input.select());
    form.onsubmit = (event) => {
      event.preventDefault();
      remember(NAME_KEY, input.value.trim());
      form.hidePopover();
      this.#paint();
      this.#host.named();
    };
    return form;
  }
}
