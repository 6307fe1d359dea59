// Round numbers for axes, and numbers as text.

/** About `count` round values (1, 2 or 5 times a power of ten apart) within [low, high]. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return Number.isFinite(low) ? [low] : [];
  const raw = span / Math.max(1, count);
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = ([1, 2, 5, 10].find((m) => m * power >= raw * 0.999) ?? 10) * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** Powers of ten (times 2 and 5 when there are few) within [low, high], both above zero. */
export function logTicks(low: number, high: number): number[] {
  if (!(low > 0) || !(high > low)) return low > 0 ? [low] : [];
  const decades = Math.log10(high / low);
  const factors = decades > 4 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    for (const factor of factors) {
      const tick = Number((factor * Math.pow(10, e)).toPrecision(6));
      if (tick >= low * 0.999999 && tick <= high * 1.000001) ticks.push(tick);
    }
  }
  return ticks;
}

/** A value with four significant digits, without needless zeros. */
export function formatValue(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6)
    ? value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e")
    : String(Number(value.toPrecision(4)));
  return text.replace("-", "−");
}

/**
 * A number as English and Chinese write it: what toLocaleString() gives, with at least `least` and at
 * most `most` digits behind the point. By hand, because a browser's first use of Intl takes some 25 ms,
 * and the first view would wait for it.
 */
export function grouped(value: number, least = 0, most = 3): string {
  const size = Math.abs(value);
  if (!(size < 1e12)) return value.toLocaleString("en", { minimumFractionDigits: least, maximumFractionDigits: most });
  // By way of its decimal digits: 1.15 is less than that, and still becomes 1.2.
  const digits = String(size < 1e-6 ? 0 : Math.round(Number(`${size}e${most}`))).padStart(most + 1, "0");
  const whole = digits.slice(0, digits.length - most).replace(/\B(?=(\d{3})+$)/g, ",");
  let behind = digits.slice(digits.length - most);
  while (behind.length > least && behind.endsWith("0")) behind = behind.slice(0, -1);
  return `${value < 0 || Object.is(value, -0) ? "-" : ""}${whole}${behind === "" ? "" : `.${behind}`}`;
}

/** Names of seconds, minutes, hours and days. */
export type Units = readonly [string, string, string, string];
export const UNITS: Units = ["s", "min", "h", "d"];

/** Seconds as people say them: 0.5 s, 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function formatDuration(seconds: number, units: Units = UNITS): string {
  if (!Number.isFinite(seconds)) return "–";
  const s = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "";
  const [second, minute, hour, day] = units;
  if (s < 10) return `${sign}${Number(s.toFixed(s < 1 ? 2 : 1))} ${second}`;
  if (s < 59.5) return `${sign}${Math.round(s)} ${second}`;
  const pair = (big: number, bigName: string, small: number, smallName: string) =>
    `${sign}${big} ${bigName}${small > 0 ? ` ${small} ${smallName}` : ""}`;
  const whole = Math.round(s);
  if (whole < 3600) return pair(Math.floor(whole / 60), minute, whole % 60, second);
  if (whole < 86400) return pair(Math.floor(whole / 3600), hour, Math.floor((whole % 3600) / 60), minute);
  return pair(Math.floor(whole / 86400), day, Math.floor((whole % 86400) / 3600), hour);
}

/** The p-quantile (0 … 1) of ascending values, linear between neighbours. */
export function quantile(ascending: readonly number[], p: number): number {
  if (ascending.length === 0) return NaN;
  const at = (ascending.length - 1) * p;
  const low = Math.floor(at);
  const a = ascending[low] as number;
  const b = ascending[Math.min(low + 1, ascending.length - 1)] as number;
  return a + (b - a) * (at - low);
}
