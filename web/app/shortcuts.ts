// Keys that work on every page; those of a chart are in charts/line_chart.ts.

import { go, link, PAGES } from "./router";

export interface Actions { help(): void; language(): void; theme(): void }

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

export function installShortcuts(actions: Actions): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const digit = "1234567890".indexOf(event.key);
    const page = PAGES[digit];
    if (digit >= 0 && page !== undefined) go(link(page));
    else if (event.key === "?") actions.help();
    else if (event.key === "t") actions.theme();
    else if (event.key === "l") actions.language();
    else if (event.key === "/") document.querySelector<HTMLInputElement>("[data-search]")?.focus();
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
