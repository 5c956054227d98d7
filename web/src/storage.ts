/** Where something is kept: with the browser, or with this tab for as long as it is open. */
type Keeper = "browser" | "tab";

/** Remembers a setting; where storage is not allowed, for this visit only. */
export function remember(key: string, value: string, keeper: Keeper = "browser"): void {
  visit.set(key, value);
  try {
    storage(keeper).setItem(key, value);
  } catch {
    // A browser that stores nothing still shows the lab.
  }
}

export function recall(key: string, keeper: Keeper = "browser"): string | null {
  try {
    return storage(keeper).getItem(key) ?? visit.get(key) ?? null;
  } catch {
    return visit.get(key) ?? null;
  }
}

function storage(keeper: Keeper): Storage {
  return keeper === "tab" ? sessionStorage : localStorage;
}

const visit = new Map<string, string>();
