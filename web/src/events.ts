/** Something that holds a subscription or a resource until it is given back. */
export interface Disposable {
  dispose(): void;
}

/** Disposes many things together, the last one first. */
export class Disposables implements Disposable {
  readonly #items: Disposable[] = [];

  add<T extends Disposable>(item: T): T {
    this.#items.push(item);
    return item;
  }

  dispose(): void {
    for (let item = this.#items.pop(); item; item = this.#items.pop()) item.dispose();
  }
}

/** Tells listeners about values, in the order in which they subscribed. */
export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => void>();

  on(listener: (value: T) => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  fire(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
}

/** Listens to a DOM event until disposed. */
export function listen<E extends Event = Event>(
  target: EventTarget,
  type: string,
  listener: (event: E) => void,
  options?: AddEventListenerOptions,
): Disposable {
  const handler = (event: Event): void => listener(event as E);
  target.addEventListener(type, handler, options);
  return { dispose: () => target.removeEventListener(type, handler, options) };
}

/** Runs `action` after `delayMs`, unless disposed before. */
export function after(delayMs: number, action: () => void): Disposable {
  const timer = setTimeout(action, delayMs);
  return { dispose: () => clearTimeout(timer) };
}
