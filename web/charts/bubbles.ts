// Places of the bubbles that compare networks: cost across (logarithmic), accuracy up, size as area.

import { logTicks, niceTicks } from "./ticks";

export interface Bubble { key: string; x: number; y: number; area: number }
export interface Placed { key: string; cx: number; cy: number; r: number }
export interface BubbleLayout {
  bubbles: Placed[];
  xTicks: { at: number; value: number }[];
  yTicks: { at: number; value: number }[];
}
export interface Box { left: number; top: number; width: number; height: number }

/** Largest bubbles come first, so that small ones lie on top. The largest has radius `largest`. */
export function layBubbles(bubbles: readonly Bubble[], box: Box, largest: number): BubbleLayout {
  if (bubbles.length === 0) return { bubbles: [], xTicks: [], yTicks: [] };
  const xs = bubbles.map((b) => b.x);
  const ys = bubbles.map((b) => b.y);
  const x0 = Math.min(...xs) / 1.6;
  const x1 = Math.max(...xs) * 1.6;
  const air = Math.max(1, (Math.max(...ys) - Math.min(...ys)) * 0.14);
  const y0 = Math.min(...ys) - air;
  const y1 = Math.max(...ys) + air;
  const most = Math.max(...bubbles.map((b) => b.area));
  const px = (x: number) => box.left + (Math.log(x / x0) / Math.log(x1 / x0)) * box.width;
  const py = (y: number) => box.top + box.height * (1 - (y - y0) / (y1 - y0));
  return {
    bubbles: [...bubbles].sort((a, b) => b.area - a.area).map((b) => ({
      key: b.key, cx: px(b.x), cy: py(b.y), r: Math.max(4, largest * Math.sqrt(b.area / most)),
    })),
    xTicks: logTicks(x0, x1).map((value) => ({ value, at: px(value) })),
    yTicks: niceTicks(y0, y1, 5).map((value) => ({ value, at: py(value) })),
  };
}
