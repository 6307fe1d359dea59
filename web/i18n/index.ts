// Text in the reader's language. English is part of the first script, Chinese is fetched when chosen.

import { computed, effect, signal } from "@preact/signals";
import { formatDuration, grouped, type Units } from "../charts/ticks";
import { kept } from "../runs/settings";
import { en } from "./en";
import { fill, type Params } from "./fill";

export type Key = keyof typeof en;
export type Table = Record<Key, string>;
export type Language = "en" | "zh";

const system: Language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
const chosen = kept<Language>("language", system);
const tables = signal<Partial<Record<Language, Table>>>({ en });

/** The language that is shown now: the chosen one as soon as its table is here. */
export const language = computed<Language>(() => (tables.value[chosen.value] ? chosen.value : "en"));
export const locale = computed(() => (language.value === "zh" ? "zh-CN" : "en"));

export async function setLanguage(next: Language): Promise<void> {
  if (next === "zh" && !tables.peek().zh) {
    const { zh } = await import("./zh");
    tables.value = { ...tables.peek(), zh };
  }
  chosen.value = next;
}

/** Resolves when the table of the remembered language is here. */
export const ready: Promise<void> = setLanguage(chosen.peek());

effect(() => {
  document.documentElement.lang = locale.value;
});

export function t(key: Key, params: Params = {}): string {
  const table = tables.value[language.value] ?? en;
  return fill(table[key], params);
}

export const number = (value: number, digits = 0) =>
  grouped(value, 0, digits);

/** A share as percent, with one digit; the sign as the language has it. */
export const percent = (share: number | null | undefined, digits = 1) =>
  share === null || share === undefined ? "–"
    : `${grouped(share * 100, digits, digits)}${t("unit.percent")}`;

/** A moment given in ISO 8601, short. */
export function moment(iso: string | null | undefined): string {
  if (!iso) return "–";
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso
    : date.toLocaleString(locale.value, { dateStyle: "medium", timeStyle: "short" });
}

export const units = computed<Units>(() => [t("unit.s"), t("unit.min"), t("unit.h"), t("unit.d")]);
/** Seconds as people say them. */
export const duration = (seconds: number) => formatDuration(seconds, units.value);
