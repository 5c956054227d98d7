type Child = Node | string | null;
type Attributes = Record<string, string | boolean>;

/** Makes an element; `true` gives an empty attribute, `false` leaves it out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Finds an element that the page's HTML promises. */
export function required<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element \`${id}\``);
  return found as T;
}

// Outlines in a 16×16 box, drawn with a round 1.5 px pen.
const ICONS = {
  play: "M5 3.2v9.6L12.5 8z",
  copy: "M6 5.5h7v8H6zM3.5 10.5H3v-8h7V3",
  output: "M2.5 3.5h11v9h-11zM5 6.5l1.8 1.6L5 9.7M8.5 10h2.5",
  "copy-output": "M6 5.5h7v8H6zM3.5 10.5H3v-8h7V3M8 8h3M8 10.8h3",
  back: "M6.5 4L2.8 7.7l3.7 3.7M3 7.7h6.5a3.5 3.5 0 0 1 0 5",
  download: "M8 2.5v7.2M4.8 6.8L8 10l3.2-3.2M3 13h10",
  check: "M3 8.5l3.2 3.2L13 5",
  stop: "M4.5 4.5h7v7h-7z",
  close: "M4 4l8 8M12 4l-8 8",
  film: "M2.5 3.5h11v9h-11zM6.6 6v4l3.4-2z",
  chevron: "M4.5 6.5L8 10l3.5-3.5",
  maximize: "M9.5 3H13v3.5M6.5 13H3V9.5M13 3L9 7M3 13l4-4",
  restore: "M13 6.5H9.5V3M3 9.5h3.5V13M9.5 6.5L13.5 2.5M6.5 9.5l-4 4",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5L13.5 13.5",
  clear: "M2.5 12.5h11M4 9.8l5.2-6.3 3.3 2.8-4.8 6.2H6.3z",
  reload: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  restart: "M4 3.5v9M12.5 3.5L6.2 8l6.3 4.5z",
  up: "M4.5 9.5L8 6l3.5 3.5",
  auto: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  light:
    "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7",
  dark: "M13 9.3A5.3 5.3 0 0 1 6.7 3 5.3 5.3 0 1 0 13 9.3z",
  steps: "M6 4h7M6 8h7M6 12h7M3 4h.01M3 8h.01M3 12h.01",
  terminal: "M3.5 5l3 3-3 3M8.5 11.5h4",
  view: "M2 12.5L5.2 4h.6L9 12.5M3.2 9.5h4.6M10 12.5l2-5h.5l2 5M10.8 10.7h3",
  eye: "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  share:
    "M6 7.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM1.8 13c.3-2.6 2-3.8 4.2-3.8s3.9 1.2 4.2 3.8M11 3.2a2 2 0 0 1 0 3.8M12.2 9.8c1.2.5 1.9 1.6 2 3.2",
  lines: "M3 4h10M3 8h10M3 12h6",
  lock: "M4 7.5h8v6H4zM5.5 7.5v-2a2.5 2.5 0 0 1 5 0v2",
  error: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.5M8 10.8h.01",
  warning: "M8 2.5L14 13H2zM8 6.5v3M8 11.2h.01",
} as const;

export type IconName = keyof typeof ICONS;

/** Draws an icon; names for people belong on the control around it. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Makes a button that shows only an icon. */
export function iconButton(name: IconName, label: string, className: string): HTMLButtonElement {
  return element(
    "button",
    { type: "button", class: className, "aria-label": label, title: label },
    icon(name),
  );
}

/** Makes the mark in the bar lead to this page, for visitors have no other labs to go to. */
export function stayHere(): void {
  const mark = document.querySelector<HTMLAnchorElement>(".mark");
  const name = mark?.querySelector(".visually-hidden");
  if (!mark || !name) return;
  mark.href = location.pathname;
  mark.title = "This lab";
  name.textContent = mark.title;
}
