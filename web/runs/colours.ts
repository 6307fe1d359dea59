// One colour a training, kept by its name: the next one that is free, so that colours do not repeat
// before all are used, and the same name has the same colour tomorrow.
//
// The first eight are Okabe's and Ito's order of hues, told apart with any kind of colour blindness,
// in a darker variant for white ground and a lighter one for dark ground. Later ones go around the
// hue circle by the golden angle.

import { kept } from "./settings";

const LIGHT = ["#0072b2", "#c2570c", "#00795a", "#a8498a", "#8a6d00", "#2f8fc4", "#b3261e", "#525b68"];
const DARK = ["#5cb3f0", "#ff9d57", "#3fcf9f", "#eb98cc", "#e8cf4a", "#9ad4f7", "#ff8a80", "#b3bcc9"];

/** Slots by name, in the order of first appearance. */
export const slots = kept<Record<string, number>>("colours", {});

const KEPT_NAMES = 500; // what one browser remembers

/** Gives every name a slot; call it when names are learned, not while drawing. */
export function assignColours(names: readonly string[]): void {
  const known = slots.peek();
  const missing = names.filter((name) => !(name in known));
  if (missing.length === 0) return;
  const next: Record<string, number> =
    Object.keys(known).length + missing.length > KEPT_NAMES ? {} : { ...known };
  // A slot is free when nobody whom we can see holds it; prefer one that nobody ever held.
  const visible = new Set(names.filter((name) => name in next).map((name) => next[name]));
  const ever = new Set(Object.values(next));
  for (const name of missing) {
    let slot = 0;
    while (slot < LIGHT.length && ever.has(slot)) slot++;
    if (slot >= LIGHT.length) {
      slot = 0;
      while (visible.has(slot)) slot++;
    }
    next[name] = slot;
    visible.add(slot);
    ever.add(slot);
  }
  slots.value = next;
}

/** A CSS colour for a slot. */
export function slotColour(slot: number, dark: boolean): string {
  const fixed = (dark ? DARK : LIGHT)[slot];
  if (fixed !== undefined) return fixed;
  const hue = Math.round((slot * 137.508) % 360);
  return dark ? `hsl(${hue} 75% 70%)` : `hsl(${hue} 70% 36%)`;
}

export function colourOf(name: string, dark: boolean): string {
  return slotColour(slots.value[name] ?? 0, dark);
}
