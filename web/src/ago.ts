const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How long ago something was, in a word or two; the clock's time after an hour. */
export function ago(then: number, now: number): string {
  const passed = now - then;
  if (passed < MINUTE_MS) return "just now";
  if (passed < HOUR_MS) return `${Math.floor(passed / MINUTE_MS)} min ago`;
  if (passed < 12 * HOUR_MS) return `at ${clock(then)}`;
  return `${new Date(then).toLocaleDateString()} ${clock(then)}`;
}

/** The time of day, to the minute. */
export function clock(then: number): string {
  return new Date(then).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
