// Colours for runs, by number.
//
// The first eight are Okabe's and Ito's order of hues (https://jfly.uni-koeln.de/color/), told apart
// with any kind of colour blindness, darker on white ground and lighter on dark. Later ones go around
// the hue circle by the golden angle.

const LIGHT = ["#0072b2", "#c2570c", "#00795a", "#a8498a", "#8a6d00", "#2f8fc4", "#b3261e", "#525b68"];
const DARK = ["#5cb3f0", "#ff9d57", "#3fcf9f", "#eb98cc", "#e8cf4a", "#9ad4f7", "#ff8a80", "#b3bcc9"];

export const FIXED_COLOURS = LIGHT.length;

/** A CSS colour for a slot. */
export function slotColour(slot: number, dark: boolean): string {
  const fixed = (dark ? DARK : LIGHT)[slot];
  if (fixed !== undefined) return fixed;
  const hue = Math.round((slot * 137.508) % 360);
  return dark ? `hsl(${hue} 75% 70%)` : `hsl(${hue} 70% 36%)`;
}
