// Shapes of histograms over time, as SVG paths: one behind the other (offset) or on top of each other
// (overlay), and bands between percentiles.

export interface Frame { left: number; top: number; width: number; height: number }

/** A filled outline through the middles of the bins, on a baseline. */
export function outline(
  edges: readonly number[], counts: readonly number[], x: (v: number) => number, baseline: number, perCount: number,
): string {
  const first = edges[0];
  const last = edges[edges.length - 1];
  if (first === undefined || last === undefined) return "";
  let d = `M${x(first).toFixed(1)} ${baseline.toFixed(1)}`;
  counts.forEach((count, i) => {
    const middle = ((edges[i] as number) + (edges[i + 1] as number)) / 2;
    d += `L${x(middle).toFixed(1)} ${(baseline - count * perCount).toFixed(1)}`;
  });
  return `${d}L${x(last).toFixed(1)} ${baseline.toFixed(1)}`;
}

/** The area between two curves over the same x; pieces where either is missing are left out. */
export function band(xs: readonly number[], low: readonly (number | null)[], high: readonly (number | null)[],
  x: (v: number) => number, y: (v: number) => number): string {
  const pieces: number[][] = [[]];
  xs.forEach((_, i) => {
    const whole = low[i] !== null && high[i] !== null && low[i] !== undefined && high[i] !== undefined;
    if (whole) (pieces[pieces.length - 1] as number[]).push(i);
    else pieces.push([]);
  });
  return pieces.filter((piece) => piece.length > 0).map((piece) => {
    const at = (i: number, list: readonly (number | null)[]) => `${x(xs[i] as number).toFixed(1)} ${y(list[i] as number).toFixed(1)}`;
    return `M${piece.map((i) => at(i, high)).join("L")}L${[...piece].reverse().map((i) => at(i, low)).join("L")}Z`;
  }).join("");
}

/**
 * Pixels a count for each step. Early steps, when all values are near each other, are often a hundred
 * times as tall as late ones: the peaks are drawn as the square root of their ratio, each outline true
 * in itself.
 */
export function heights(counts: readonly (readonly number[])[], tall: number): number[] {
  const peaks = counts.map((row) => Math.max(1e-12, ...row));
  const most = Math.max(1e-12, ...peaks);
  return peaks.map((peak) => (tall * Math.sqrt(peak / most)) / peak);
}

/** Offset between neighbours and height of the tallest, so that `steps` outlines fill `frame`. */
export function offsets(frame: Frame, steps: number, overlay: boolean): { base(i: number): number; tall: number } {
  const tall = overlay ? frame.height : Math.min(frame.height * 0.34, 110);
  const stride = overlay || steps < 2 ? 0 : (frame.height - tall) / (steps - 1);
  return { tall, base: (i) => (overlay ? frame.top + frame.height : frame.top + tall + stride * i) };
}
