// Hooks that several pages share.

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface Fetched<T> { value: T | null; error: unknown; loading: boolean }

/**
 * Asks whenever `key` changes (null: never), and again after `again(value)` milliseconds when that is
 * a number: for answers that say "working". A value stays until its successor is here.
 */
export function useFetched<T>(key: string | null, ask: () => Promise<T>, again?: (value: T) => number | null): Fetched<T> & { reload(): void } {
  const [state, setState] = useState<Fetched<T>>({ value: null, error: null, loading: key !== null });
  const [turn, setTurn] = useState(0);
  const shown = useRef<string | null>(null);
  useEffect(() => {
    if (key === null) {
      setState({ value: null, error: null, loading: false });
      return undefined;
    }
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const kept = shown.current === key;
    setState((s) => ({ value: kept ? s.value : null, error: null, loading: true }));
    const run = () => {
      ask().then((value) => {
        if (over) return;
        shown.current = key;
        setState({ value, error: null, loading: false });
        const wait = again?.(value) ?? null;
        if (wait !== null) timer = setTimeout(run, wait);
      }, (error: unknown) => {
        if (over) return;
        setState((s) => ({ value: s.value, error, loading: false }));
      });
    };
    run();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [key, turn]);
  return { ...state, reload: () => setTurn((n) => n + 1) };
}

/** `value` as it was when it last stayed unchanged for `wait` milliseconds. */
export function useSettled<T>(value: T, wait: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), wait);
    return () => clearTimeout(timer);
  }, [value, wait]);
  return settled;
}

/** The width of an element, followed. */
export function useWidth<E extends HTMLElement>(): [RefObject<E | null>, number] {
  const ref = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}
