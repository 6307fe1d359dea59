// What a person chose and expects to find again: kept in this browser only.

import { effect, signal, type Signal } from "@preact/signals";

const PREFIX = "graft.";

/** A signal that is read from local storage once and written back at every change. */
export function kept<T>(name: string, initial: T): Signal<T> {
  let start = initial;
  try {
    const text = localStorage.getItem(PREFIX + name);
    if (text !== null) start = JSON.parse(text) as T;
  } catch {
    // Storage is forbidden or holds something else: the initial value serves.
  }
  const value = signal(start);
  effect(() => {
    const text = JSON.stringify(value.value);
    try {
      localStorage.setItem(PREFIX + name, text);
    } catch {
      // Forbidden or full: the choice lasts as long as the page.
    }
  });
  return value;
}
