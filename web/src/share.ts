import { copyText, tellCopied } from "./clipboard";
import { element, icon, required } from "./dom";
import { addressOf, onlyHere, qrCode } from "./links";
import { announce, noticeBody, notify } from "./notices";
import { Projection } from "./projection";
import type { Audience, LabClients, LabLink, Person } from "./protocol";

/** What the panel asks of the lab. */
interface ShareHost {
  createLink(role: "viewer" | "remote"): void;
  revokeLink(link: string): void;
  grant(client: number): void;
  decline(client: number): void;
  takeKeyboard(): void;
}

// A phone or two always see too little, and so do a few of many; more are worth a word.
const MANY_CRAMPED = 3;
const MANY_OF_VIEWERS = 0.2;
const ROOM =
  "fewer columns help: make the terminals' side or your window narrower, or the text larger";
const TITLES = { viewer: "Watch link", remote: "Remote link" };

function nameOf(person: Person): string {
  return person.name ?? `Viewer ${person.client}`;
}

/** What is wrong where viewers see too little of a terminal. */
function crampedWords(cramped: number, viewers: number): string {
  const see = `${viewers === 1 ? "viewer" : "viewers"} ${cramped === 1 ? "sees" : "see"}`;
  return `${cramped} of ${viewers} ${see} a terminal too small to read, or cut off`;
}

function button(label: string, action: () => void, className = ""): HTMLButtonElement {
  const made = element(
    "button",
    { type: "button", class: `button button-small ${className}` },
    label,
  );
  made.onclick = action;
  return made;
}

/** The driver's panel for sharing the lab: its links, who watches, and who has the keyboard. */
export class Share {
  readonly #host: ShareHost;
  readonly #button: HTMLButtonElement;
  readonly #count = element("span", { class: "share-count" });
  readonly #spoken = element("span", { class: "visually-hidden" });
  readonly #warning = element("span", { class: "share-warning", hidden: true }, icon("warning"));
  readonly #taking: HTMLButtonElement;
  readonly #panel = required("share");
  readonly #people = element("div", { class: "share-people" });
  readonly #links = element("div", { class: "share-links" });
  readonly #projection = new Projection();
  #clients: LabClients = { clients: 1, viewers: 0, drivers: 1 };
  #audience: Audience = { cramped: 0, people: [] };
  #known: LabLink[] = [];
  // The link whose address is shown, and the one that is about to be revoked.
  #open: string | null = null;
  #revoking: string | null = null;
  #asking: number[] = [];
  // Whoever asks after an answer utters a new wish.
  #answered = false;
  #notice: HTMLElement | null = null;
  #toldCramped = false;

  constructor(host: ShareHost) {
    this.#host = host;
    this.#button = element(
      "button",
      { type: "button", class: "share-button", popovertarget: "share", hidden: true },
      icon("share"),
      element("span", { class: "share-label" }, "Share"),
      " ",
      this.#count,
      this.#warning,
      this.#spoken,
    );
    this.#taking = element("button", { type: "button", class: "share-taking", hidden: true });
    this.#taking.onclick = () => host.takeKeyboard();
    required("tools").before(this.#taking, this.#button);
    const make = (role: "viewer" | "remote", label: string): HTMLButtonElement =>
      button(label, () => host.createLink(role));
    this.#panel.replaceChildren(
      element("h2", { class: "share-title" }, "Share this lab"),
      element(
        "p",
        { class: "share-note" },
        "Who has a watch link sees what you see, and can ask for the keyboard. A remote link makes a phone your clicker.",
      ),
      element(
        "div",
        { class: "share-make" },
        make("viewer", "Make a watch link"),
        make("remote", "Make a remote link"),
      ),
      this.#links,
      element("h3", { class: "share-heading" }, "Audience"),
      this.#people,
    );
  }

  setDriver(driver: boolean): void {
    this.#button.hidden = !driver;
    if (!driver) this.#panel.hidePopover();
  }

  setClients(clients: LabClients): void {
    this.#clients = clients;
    this.#paintPeople();
  }

  setAudience(audience: Audience): void {
    const before = this.#audience.people.find((person) => person.hasKeyboard);
    const now = audience.people.find((person) => person.hasKeyboard);
    if (before && before.client !== now?.client) {
      announce(`${nameOf(before)} no longer has the keyboard.`);
    }
    this.#audience = audience;
    this.#paintPeople();
    this.#noticeAsking();
    this.#noticeCramped();
  }

  setLinks(links: LabLink[]): void {
    this.#known = links;
    this.#paintLinks();
  }

  /** Shows a link that was just made. */
  made(link: LabLink): void {
    this.#open = link.id;
    if (!this.#known.some(({ id }) => id === link.id)) this.#known = [...this.#known, link];
    this.#paintLinks();
    announce(`${TITLES[link.role === "remote" ? "remote" : "viewer"]} made.`);
    this.#links.querySelector<HTMLElement>(".share-open .copy")?.focus();
  }

  /** Says calmly who asks, with the answers at hand. */
  #noticeAsking(): void {
    const asking = this.#audience.people.filter((person) => person.asks);
    const fresh = this.#answered || asking.some(({ client }) => !this.#asking.includes(client));
    const same = asking.length === this.#asking.length && !fresh;
    this.#asking = asking.map(({ client }) => client);
    const shown = this.#notice?.isConnected ?? false;
    if (same) return;
    this.#answered = false;
    this.#notice?.remove();
    this.#notice = null;
    const [first, ...others] = asking;
    if (!first || (!fresh && !shown)) return;
    const more = others.length === 1 ? "1 other" : `${others.length} others`;
    this.#notice = notify({
      severity: "info",
      message:
        others.length === 0
          ? `${nameOf(first)} asks for the keyboard`
          : `${nameOf(first)} and ${more} ask for the keyboard`,
      choices:
        others.length === 0
          ? [
              { label: "Grant", run: () => this.#answer(first.client, true) },
              { label: "Decline", run: () => this.#answer(first.client, false) },
            ]
          : [{ label: "Show them", run: () => this.#panel.showPopover() }],
    });
  }

  get #manyCramped(): boolean {
    const { cramped } = this.#audience;
    return cramped >= MANY_CRAMPED && cramped >= this.#clients.viewers * MANY_OF_VIEWERS;
  }

  /** Says that many see too little: once, until all see enough. */
  #noticeCramped(): void {
    const { cramped } = this.#audience;
    if (cramped === 0) this.#toldCramped = false;
    if (!this.#manyCramped || this.#toldCramped) return;
    this.#toldCramped = true;
    const message = crampedWords(cramped, this.#clients.viewers);
    notify({ severity: "warning", message, hint: ROOM });
  }

  #answer(client: number, granted: boolean): void {
    this.#answered = true;
    if (granted) this.#host.grant(client);
    else this.#host.decline(client);
  }

  #paintPeople(): void {
    const { viewers } = this.#clients;
    const { cramped, people } = this.#audience;
    this.#count.textContent = viewers > 0 ? String(viewers) : "";
    const watch = viewers === 1 ? "1 person watches" : `${viewers} people watch`;
    const many = this.#manyCramped ? [`${cramped} see too little`] : [];
    this.#warning.hidden = many.length === 0;
    this.#spoken.textContent = viewers > 0 ? [" watching", ...many].join(", ") : "";
    const state = viewers > 0 ? [watch, ...many] : [];
    this.#button.title = ["Share this lab", ...state].join(" · ");
    const holder = people.find((person) => person.hasKeyboard);
    this.#taking.hidden = holder === undefined;
    if (holder) {
      this.#taking.replaceChildren(
        element("span", {}, `${nameOf(holder)} has the keyboard`),
        element("b", {}, "Take back"),
      );
    }
    const named = people.length < viewers && people.length > 0;
    this.#people.replaceChildren(
      element("p", { class: "share-watch" }, viewers > 0 ? `${watch}.` : "Nobody watches yet."),
      cramped > 0
        ? element(
            "p",
            { class: "note note-warning" },
            noticeBody(crampedWords(cramped, viewers), ROOM),
          )
        : "",
      element("ul", { class: "share-list" }, ...people.map((person) => this.#person(person))),
      ...(named ? [element("p", { class: "share-note" }, "The others gave no name.")] : []),
    );
  }

  #person(person: Person): HTMLElement {
    const { client, asks, hasKeyboard } = person;
    const name = nameOf(person);
    const state = hasKeyboard ? "has the keyboard" : asks ? "asks for the keyboard" : "watches";
    const actions: HTMLElement[] = [];
    const act = (label: string, action: () => void): void => {
      const made = button(label, action);
      made.setAttribute("aria-label", `${label}: ${name}`);
      actions.push(made);
    };
    if (hasKeyboard) act("Take back", () => this.#host.takeKeyboard());
    else if (asks) {
      act("Grant", () => this.#answer(client, true));
      act("Decline", () => this.#answer(client, false));
    }
    return element(
      "li",
      { class: "share-person", "data-client": String(client) },
      element("span", { class: "share-name" }, name),
      element("span", { class: "share-state" }, state),
      ...actions,
    );
  }

  #paintLinks(): void {
    const focused = this.#links.contains(document.activeElement);
    const here = this.#known.some((link) => onlyHere(addressOf(link)));
    this.#links.replaceChildren(
      ...(here ? [this.#hereNote()] : []),
      element("ul", { class: "share-list" }, ...this.#known.map((link) => this.#link(link))),
    );
    if (!focused) return;
    const next = this.#links.querySelector<HTMLElement>(".share-revoking .button, .button");
    (next ?? this.#panel.querySelector<HTMLElement>(".button"))?.focus();
  }

  #hereNote(): HTMLElement {
    return element(
      "p",
      { class: "note note-warning" },
      "These links work on this computer only. For others to reach it, start katahost with ",
      element("code", {}, "--listen 0.0.0.0:7681"),
      " and ",
      element("code", {}, "--allow-host NAME"),
      ", or behind a proxy with ",
      element("code", {}, "--public-url URL"),
      ".",
    );
  }

  #link(link: LabLink): HTMLElement {
    const title = TITLES[link.role === "remote" ? "remote" : "viewer"];
    const open = link.id === this.#open;
    const same = this.#known.filter(({ role }) => role === link.role);
    const name = same.length > 1 ? `${title} ${same.indexOf(link) + 1}` : title;
    const toggle = button(open ? "Hide" : "Show", () => {
      this.#open = open ? null : link.id;
      this.#paintLinks();
    });
    toggle.setAttribute("aria-expanded", String(open));
    toggle.setAttribute("aria-label", `${open ? "Hide" : "Show"}: ${name}`);
    const head = element(
      "div",
      { class: "share-row" },
      element("span", { class: "share-name" }, name),
      toggle,
      ...this.#revocation(link, name),
    );
    return element(
      "li",
      {
        class: `share-link ${open ? "share-open" : ""}`,
        "data-link": link.id,
        "data-role": link.role,
      },
      head,
      open ? this.#details(link, name) : null,
    );
  }

  #revocation(link: LabLink, name: string): HTMLElement[] {
    const repaint = (revoking: string | null): void => {
      this.#revoking = revoking;
      this.#paintLinks();
    };
    if (this.#revoking !== link.id) {
      const revoke = button("Revoke", () => repaint(link.id));
      revoke.setAttribute("aria-label", `Revoke: ${name}`);
      return [revoke];
    }
    const sure = button(
      "Revoke",
      () => {
        this.#host.revokeLink(link.id);
        repaint(null);
      },
      "button-danger",
    );
    return [
      element(
        "span",
        { class: "share-revoking" },
        element("span", { role: "alert" }, "Who came by it is sent away."),
        button("Keep", () => repaint(null)),
        sure,
      ),
    ];
  }

  #details(link: LabLink, name: string): HTMLElement {
    const address = addressOf(link);
    const field = element("input", {
      class: "field",
      readonly: true,
      value: address,
      "aria-label": `Address of the ${name}`,
    });
    field.onfocus = () => field.select();
    const tell = (copied: boolean): void => tellCopied(copy, copied);
    const copy = button(
      "Copy",
      () => copyText(address, this.#panel).then(tell, () => tell(false)),
      "copy",
    );
    const code = element("img", {
      class: "qr",
      src: qrCode(address),
      alt: `QR code of the ${name}`,
    });
    if (link.role === "remote") {
      // Who gets it drives the lab, and the driver's screen is often seen by all.
      const unseen = element(
        "details",
        {},
        element("summary", {}, "Show its address and QR code"),
        element("div", { class: "share-details" }, field, code),
      );
      const row = element("div", { class: "share-row" }, copy);
      return element("div", { class: "share-details" }, row, unseen);
    }
    const project = button("Full screen", () => this.#projection.show(address));
    return element(
      "div",
      { class: "share-details" },
      element("div", { class: "share-row" }, field, copy),
      code,
      project,
    );
  }
}
