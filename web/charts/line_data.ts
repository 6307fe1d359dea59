// From curves to what a chart draws: a common x, ranges, neighbours. Pure functions.

import { quantile } from "./ticks";

export interface LineSeries {
  id: string;
  name: string;
  colour: string;
  dashed: boolean;
  /** Ascending; `y` is what is drawn strong, `raw` faint (the same array when not smoothed). */
  x: number[];
  y: number[];
  raw: number[];
  steps: number[];
  walls: number[];
  /** Wall time of the first point. */
  start: number;
}

export interface Aligned {
  x: number[];
  /** Per series: y over `x`; null where the run has NaN (a gap), undefined where it has no point. */
  y: (number | null | undefined)[][];
  raw: (number | null | undefined)[][];
  /** Per series: where its own points lie in `x`. */
  at: number[][];
}

export type Axis = "step" | "relative" | "wall";

/** The x values of a curve on an axis: steps, seconds since its start, or seconds since 1970. */
export function axisValues(axis: Axis, steps: number[], walls: number[], start: number): number[] {
  if (axis === "step") return steps;
  return axis === "wall" ? walls : walls.map((wall) => wall - start);
}

const drawable = (value: number, log: boolean) => Number.isFinite(value) && (!log || value > 0);

/** Brings curves with different x together. On a log axis values up to zero are gaps too. */
export function align(series: readonly LineSeries[], log: boolean): Aligned {
  const first = series[0]?.x ?? [];
  const same = series.every((s) => s.x.length === first.length && s.x.every((v, i) => v === first[i]));
  const x = same ? first : [...new Set(series.flatMap((s) => s.x))].sort((a, b) => a - b);
  const indexOf = same ? null : new Map(x.map((value, index) => [value, index]));
  const at = series.map((s) => s.x.map((value, i) => indexOf?.get(value) ?? i));
  const spread = (values: number[], places: number[]) => {
    const out: (number | null | undefined)[] = same ? [] : new Array(x.length).fill(undefined);
    values.forEach((value, i) => (out[places[i] as number] = drawable(value, log) ? value : null));
    return out;
  };
  return {
    x, at,
    y: series.map((s, i) => spread(s.y, at[i] as number[])),
    raw: series.map((s, i) => spread(s.raw, at[i] as number[])),
  };
}

/** Index of the value of ascending `x` that is nearest to `value`; −1 for none. */
export function nearest(x: readonly number[], value: number): number {
  let low = 0;
  let high = x.length - 1;
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - (x[low - 1] as number) <= (x[low] as number) - value ? low - 1 : low;
}

/**
 * Range of y for the points with x in [x0, x1], with some air; with `ignoreOutliers` between the 5th
 * and the 95th percentile of what is drawn. Null when there is nothing to draw.
 */
export function yRange(
  series: readonly LineSeries[], x0: number, x1: number, log: boolean, ignoreOutliers: boolean,
): [number, number] | null {
  const values: number[] = [];
  for (const s of series) {
    for (let i = 0; i < s.x.length; i++) {
      const x = s.x[i] as number;
      if (x < x0 || x > x1) continue;
      const y = s.y[i] as number;
      const raw = s.raw[i] as number;
      if (drawable(y, log)) values.push(y);
      if (raw !== y && drawable(raw, log)) values.push(raw);
    }
  }
  if (values.length === 0) return null;
  let low: number;
  let high: number;
  if (ignoreOutliers) {
    values.sort((a, b) => a - b);
    low = quantile(values, 0.05);
    high = quantile(values, 0.95);
  } else {
    low = high = values[0] as number;
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (log) {
    const air = high > low ? Math.pow(high / low, 0.05) : 1.5;
    return [low / air, high * air];
  }
  const air = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.1 || 1;
  return [low - air, high + air];
}

/** Steps at which a curve is NaN or infinite. */
export function brokenSteps(series: LineSeries): number[] {
  return series.steps.filter((_, i) => !Number.isFinite(series.raw[i]));
}
