// One colour a training, kept by its name: the next one that is free, so that colours do not repeat
// before all are used, and the same name has the same colour tomorrow.

import { FIXED_COLOURS, slotColour } from "./palette";
import { kept } from "./settings";

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
    while (slot < FIXED_COLOURS && ever.has(slot)) slot++;
    if (slot >= FIXED_COLOURS) {
      slot = 0;
      while (visible.has(slot)) slot++;
    }
    next[name] = slot;
    visible.add(slot);
    ever.add(slot);
  }
  slots.value = next;
}

export function colourOf(name: string, dark: boolean): string {
  return slotColour(slots.value[name] ?? 0, dark);
}
