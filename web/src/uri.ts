/** The text of a part of an address; as it stands there where its author encoded it wrongly. */
export function decodeUri(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
