// A button that opens a short list of things to do. Arrow keys, Home, End and Escape as people expect.

import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

export interface MenuItem { text: string; act(): void }

export function Menu({ label, icon, items }: { label: string; icon: IconName; items: MenuItem[] }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    root.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
    const outside = (e: Event) => {
      if (!root.current?.contains(e.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const onKey = (e: KeyboardEvent) => {
    const entries = [...(root.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
    const at = entries.indexOf(document.activeElement as HTMLElement);
    const target: Record<string, number> = {
      ArrowDown: (at + 1) % entries.length, ArrowUp: (at - 1 + entries.length) % entries.length,
      Home: 0, End: entries.length - 1,
    };
    const to = target[e.key];
    if (to !== undefined) entries[to]?.focus();
    else if (e.key === "Escape") close();
    else if (e.key === "Tab") setOpen(false);
    else return;
    if (e.key !== "Tab") e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class="menu" ref={root}>
      <button ref={button} type="button" class="icon-button" aria-haspopup="menu" aria-expanded={open}
        aria-label={label} title={label} onClick={() => setOpen(!open)}><Icon name={icon} /></button>
      {open && (
        <div class="menu-list" role="menu" aria-label={label} tabIndex={-1} onKeyDown={onKey}>
          {items.map((item) => (
            <button key={item.text} type="button" role="menuitem" tabIndex={-1} onClick={() => { close(); item.act(); }}>{item.text}</button>
          ))}
        </div>
      )}
    </div>
  );
}
