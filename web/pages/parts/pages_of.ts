// Long lists that come in pages, one cursor after the other.

import { useEffect, useRef, useState } from "preact/hooks";

export interface PageOf<T> { items: T[]; next: string | null; total: number; state?: string; message?: string | null }
export interface Pages<T> {
  items: T[]; total: number; state: string; message: string | null; loading: boolean; error: unknown; more(): void;
}

const WORKING_MS = 1500;

/** Asks for the first page when `key` changes (null: for none), for further ones by `more()`. */
export function usePages<T>(key: string | null, ask: (cursor: string | null) => Promise<PageOf<T>>): Pages<T> {
  const [list, setList] = useState<{ key: string | null; items: T[]; next: string | null; total: number; state: string; message: string | null }>(
    { key: null, items: [], next: null, total: 0, state: "", message: null });
  const [loading, setLoading] = useState(key !== null);
  const [error, setError] = useState<unknown>(null);
  const current = useRef(key);
  const busy = useRef(false);
  current.current = key;

  const load = (cursor: string | null, before: T[]) => {
    busy.current = true;
    setLoading(true);
    setError(null);
    ask(cursor).then((page) => {
      if (current.current !== key) return;
      busy.current = false;
      setLoading(false);
      setList({ key, items: before.concat(page.items), next: page.next, total: page.total, state: page.state ?? "ready", message: page.message ?? null });
    }, (cause: unknown) => {
      if (current.current !== key) return;
      busy.current = false;
      setLoading(false);
      setError(cause);
    });
  };
  useEffect(() => {
    if (key !== null) load(null, []);
  }, [key]);
  useEffect(() => {
    if (list.state !== "working" || key === null) return undefined;
    const timer = setTimeout(() => load(null, []), WORKING_MS);
    return () => clearTimeout(timer);
  }, [list]);

  const here = list.key === key;
  return {
    items: here ? list.items : [], total: here ? list.total : 0, state: here ? list.state : "", message: here ? list.message : null,
    loading, error,
    more: () => {
      if (here && list.next !== null && !busy.current && error === null) load(list.next, list.items);
    },
  };
}
