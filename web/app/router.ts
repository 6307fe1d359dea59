// Where we are: `#/page?key=value&…`. Only what differs from the defaults is in the address, so that
// links stay short; they hold in another browser too.

import { computed, signal } from "@preact/signals";

export const PAGES = [
  "home", "data", "models", "train", "curves", "weights", "results", "try", "compare", "graph",
] as const;
export type PageName = (typeof PAGES)[number];

const fragment = signal(location.hash);
addEventListener("hashchange", () => (fragment.value = location.hash));

function split(hash: string): { page: PageName; query: URLSearchParams } {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const page = (PAGES as readonly string[]).includes(path) ? (path as PageName) : "home";
  return { page, query: new URLSearchParams(query) };
}

export const route = computed(() => split(fragment.value));

export function link(page: PageName, query: Record<string, string | number | null | undefined> = {}): string {
  const parts = Object.entries(query)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value)).replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%2F/g, "/")}`);
  return `#/${page}${parts.length > 0 ? `?${parts.join("&")}` : ""}`;
}

export function go(to: string): void {
  location.hash = to;
}

/** Changes this page's part of the address without a new entry in the history. */
export function setQuery(query: Record<string, string | number | null | undefined>): void {
  const { page, query: old } = route.peek();
  const merged: Record<string, string | number | null | undefined> = Object.fromEntries(old);
  const target = link(page, { ...merged, ...query });
  if (target === location.hash) return;
  history.replaceState(null, "", target);
  fragment.value = target;
}
