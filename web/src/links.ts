import type { LabLink } from "./protocol";

/** The whole address of a link, as people get it. */
export function addressOf(link: LabLink): string {
  return link.url ?? new URL(`../../${link.address}`, document.baseURI).href;
}

/** The image of an address, for phones to read. */
export function qrCode(address: string): string {
  return new URL(`../../qr.svg?text=${encodeURIComponent(address)}`, document.baseURI).href;
}

/** Whether nobody but this computer reaches an address. */
export function onlyHere(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}
