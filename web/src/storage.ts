/** Remembers a setting of this browser; where storage is not allowed, for this visit only. */
export function remember(key: string, value: string): void {
  visit.set(key, value);
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser that stores nothing still shows the lab.
  }
}

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? visit.get(key) ?? null;
  } catch {
    return visit.get(key) ?? null;
  }
}

const visit = new Map<string, string>();
