import { notify } from "./notices";

/** Opens a page that is not the lab's, for which the lab asked. */
export function openOutsidePage(uri: string): void {
  const url = new URL(uri, location.href);
  if (!["http:", "https:", "mailto:"].includes(url.protocol)) return;
  // Browsers open a tab only within a click; the link is there where that was too long ago.
  if (navigator.userActivation?.isActive) window.open(url.href, "_blank", "noopener");
  notify({
    severity: "info",
    message: `the lab opens \`${url.href}\``,
    action: { label: "Open", href: url.href },
  });
}
