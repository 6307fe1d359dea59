// Small parts that several pages share.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/http";
import type { Interval } from "../api/types";
import { percent, t } from "../i18n";
import { Icon, Seedling } from "./icons";

export function Page({ title, lead, actions, children, wide }: {
  title: string; lead?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren;
  wide?: boolean;
}) {
  return (
    <main id="main" class={wide ? "page wide" : "page"} tabIndex={-1}>
      <div class="page-head">
        <div>
          <h1>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </main>
  );
}

export function Segmented<T extends string>({ label, value, options, onChange }: {
  label: string; value: T; options: { value: T; text: string }[]; onChange(value: T): void;
}) {
  return (
    <div class="segmented" role="group" aria-label={label}>
      {options.map((o) => (
        <button key={o.value} type="button" aria-pressed={o.value === value} onClick={() => onChange(o.value)}>
          {o.text}
        </button>
      ))}
    </div>
  );
}

export function Toggle({ label, checked, onChange }: {
  label: string; checked: boolean; onChange(on: boolean): void;
}) {
  return (
    <label class="toggle">
      <input type="checkbox" role="switch" checked={checked} onChange={(e) => onChange(e.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

export function Select({ label, value, options, onChange, hideLabel }: {
  label: string; value: string; options: { value: string; text: string }[];
  onChange(value: string): void; hideLabel?: boolean;
}) {
  return (
    <label class="select">
      <span class={hideLabel ? "sr-only" : "select-label"}>{label}</span>
      <select value={value} onChange={(e) => onChange(e.currentTarget.value)}>
        {options.map((o) => <option key={o.value} value={o.value}>{o.text}</option>)}
      </select>
    </label>
  );
}

export function SearchBox({ label, value, invalid, onInput }: {
  label: string; value: string; invalid?: boolean; onInput(value: string): void;
}) {
  return (
    <label class="search">
      <span class="sr-only">{label}</span>
      <Icon name="search" size={16} />
      <input type="search" placeholder={label} value={value} data-search aria-invalid={invalid ? "true" : undefined}
        spellcheck={false} autocomplete="off" onInput={(e) => onInput(e.currentTarget.value)} />
    </label>
  );
}

export function Empty({ stage, title, children }: {
  stage?: number; title: string; children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Seedling stage={stage ?? 1} />
      <h2>{title}</h2>
      {children && <div class="empty-text">{children}</div>}
    </div>
  );
}

export function Loading({ label, done, total }: { label?: string; done?: number; total?: number }) {
  const known = total !== undefined && total > 0;
  return (
    <div class="loading" role="status">
      {known ? <Bar share={(done ?? 0) / total} label={label ?? t("loading")} /> : <span class="pulse" aria-hidden="true"><i /><i /><i /></span>}
      <span>{label ?? t("loading")}</span>
    </div>
  );
}

export function Bar({ share, label }: { share: number; label: string }) {
  const value = Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div class="bar" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={value}>
      <span style={{ width: `${value}%` }} />
    </div>
  );
}

export function Notice({ kind = "info", children }: { kind?: "info" | "warning" | "error"; children: ComponentChildren }) {
  return (
    <div class={`notice ${kind}`} role={kind === "error" ? "alert" : undefined}>
      {kind !== "info" && <Icon name="warn" />}
      <div>{children}</div>
    </div>
  );
}

export const messageOf = (error: unknown): string =>
  error instanceof ApiError && error.kind === "offline" ? t("offline") : String((error as Error).message ?? error);

/** The accuracy as a dot within its 95 % interval, on a scale that starts at `from`. */
export function IntervalBar({ accuracy, interval }: { accuracy: number; interval: Interval | null }) {
  const at = (share: number) => `${(share * 100).toFixed(2)}%`;
  return (
    <div class="interval" role="img" aria-label={interval === null ? percent(accuracy) : t("interval.label", {
      accuracy: percent(accuracy), low: percent(interval[0]), high: percent(interval[1]) })}>
      {interval && <span class="whisker" style={{ left: at(interval[0]), width: at(interval[1] - interval[0]) }} />}
      <span class="dot" style={{ left: at(accuracy) }} />
    </div>
  );
}

export function CopyButton({ text, label }: { text: string | (() => string); label: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1800);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    const value = typeof text === "string" ? text : text();
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      // No clipboard here (a page that is not on localhost): the old way.
      const area = document.createElement("textarea");
      area.value = value;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    setDone(true);
  };
  return (
    <button type="button" class="button quiet" onClick={() => void copy()}>
      <Icon name={done ? "check" : "copy"} size={16} />
      <span aria-live="polite">{done ? t("copied") : label}</span>
    </button>
  );
}

/** A modal window over the page: the browser keeps the focus inside and closes it with Escape. */
export function Dialog({ label, onClose, children, className }: {
  label: string; onClose(): void; children: ComponentChildren; className?: string;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    ref.current?.showModal();
    return () => before?.focus?.();
  }, []);
  return (
    <dialog ref={ref} class={className} aria-label={label} onClose={onClose}
      onClick={(e) => { if (e.target === ref.current) ref.current?.close(); }}>
      <button type="button" class="icon-button dialog-close" aria-label={t("close")} onClick={() => ref.current?.close()}>
        <Icon name="close" />
      </button>
      {children}
    </dialog>
  );
}
