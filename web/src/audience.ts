import { Follow, type FollowHost } from "./follow";
import { anchorOf, PlaceReporter } from "./place";
import {
  type ExecuteCommandResult,
  type JsonValue,
  LAB_AUDIENCE,
  LAB_CLIENTS,
  LAB_LINKS,
  LAB_PLACE,
  LAB_ROLE,
  type LabState,
  type Place,
  type Role,
  type ViewParams,
} from "./protocol";
import type { Notification } from "./rpc";
import { Share } from "./share";
import { ownName, Watching } from "./watching";

/** What those who present and those who watch need of the lab. */
export interface AudienceHost extends FollowHost {
  readonly role: Role;
  execute(command: string, args?: JsonValue[]): Promise<ExecuteCommandResult>;
  fail(error: unknown): void;
  sendView(view: ViewParams): void;
  sendPlace(place: Place): void;
  setRole(role: Role): void;
}

/** Who presents and who watches, as this tab shows it and takes part in it. */
export class Audience {
  readonly follow: Follow;
  readonly #host: AudienceHost;
  readonly #watching: Watching;
  readonly #share: Share;
  readonly #reporter: PlaceReporter;
  #terminal: number | null = null;
  #cramped = false;
  #links = 0;

  constructor(host: AudienceHost, key: string) {
    this.#host = host;
    this.follow = new Follow(host, key);
    const execute = (command: string, args: JsonValue[] = []): void => {
      host.execute(command, args).catch((error: unknown) => host.fail(error));
    };
    this.#watching = new Watching(this.follow, {
      ask: () => {
        host.execute("katahost.askForKeyboard").catch((error: unknown) => {
          this.#watching.notAsked();
          host.fail(error);
        });
      },
      giveBack: () => execute("katahost.returnKeyboard"),
      named: () => this.#sendView(),
    });
    this.#share = new Share({
      createLink: (role) => {
        host.execute("katahost.createLink", [{ role }]).then(
          ({ link }) => {
            if (link) this.#share.made(link);
          },
          (error: unknown) => host.fail(error),
        );
      },
      revokeLink: (link) => execute("katahost.revokeLink", [{ link }]),
      grant: (client) => execute("katahost.grantKeyboard", [{ client }]),
      decline: (client) => execute("katahost.declineKeyboard", [{ client }]),
      takeKeyboard: () => execute("katahost.takeKeyboard"),
    });
    this.#reporter = new PlaceReporter(
      () => this.#place(),
      (place) => host.sendPlace(place),
    );
    host.scroller.addEventListener("scroll", () => this.#reporter.changed(), { passive: true });
  }

  /** How this client sees the lab, for the greeting. */
  get view(): ViewParams {
    const name = ownName();
    return name ? { name, cramped: this.#cramped } : { cramped: this.#cramped };
  }

  /** Whether others may be watching, so that what runs should be seen to run. */
  get presenting(): boolean {
    return this.#host.role === "driver" && this.#links > 0;
  }

  /** Takes what the server says of the lab when a connection begins. */
  ready(state: LabState): void {
    this.setRole(state.role);
    this.#watching.setClients(state.clients);
    if (state.role === "driver") {
      this.#setLinks(state.links);
      this.#share.setClients(state.clients);
      this.#share.setAudience(state.audience ?? { cramped: 0, people: [] });
      this.#reporter.setViewers(state.clients.viewers);
      this.#reporter.again();
    } else {
      this.follow.place(state.place);
    }
  }

  setRole(role: Role, declined = false): void {
    this.#share.setDriver(role === "driver");
    this.#watching.setRole(role, declined);
    this.follow.setActive(role === "viewer");
  }

  /** The page was put on the screen. */
  shown(): void {
    this.follow.shown();
    this.#reporter.changed();
  }

  /** A terminal came into use. */
  use(terminal: number): void {
    this.#terminal = terminal;
    this.#reporter.changed();
  }

  cramped(cramped: boolean): void {
    if (cramped === this.#cramped) return;
    this.#cramped = cramped;
    this.#sendView();
  }

  /** Takes what concerns the audience. Says whether it did. */
  notified(notification: Notification): boolean {
    switch (notification.method) {
      case LAB_AUDIENCE:
        this.#share.setAudience(notification.params);
        return true;
      case LAB_LINKS:
        this.#setLinks(notification.params.links);
        return true;
      case LAB_ROLE: {
        const { role, declined } = notification.params;
        const returned = this.#host.role === "guest";
        this.#host.setRole(role);
        this.setRole(role, declined);
        // Who had the keyboard was where the lab is, and so is who gets it.
        if (returned || role === "guest") this.follow.set(true);
        return true;
      }
      case LAB_PLACE:
        if (this.#host.role === "driver") this.#reporter.yield(notification.params);
        else this.follow.place(notification.params);
        return true;
      case LAB_CLIENTS:
        this.#watching.setClients(notification.params);
        this.#share.setClients(notification.params);
        if (this.#host.role === "driver") this.#reporter.setViewers(notification.params.viewers);
        return false;
      default:
        return false;
    }
  }

  #setLinks(links: LabState["links"]): void {
    this.#links = links.length;
    this.#share.setLinks(links);
  }

  #sendView(): void {
    // An empty name takes the old one away.
    this.#host.sendView({ name: ownName(), cramped: this.#cramped });
  }

  #place(): Place | null {
    const { shown, scroller, content } = this.#host;
    if (!shown) return null;
    return {
      step: shown.step,
      scroll: anchorOf(scroller, content),
      terminal: this.#terminal,
    };
  }
}
