// Curves that were fetched, by run and tag, growing as points are pushed.
//
// A curve that arrived whole is smoothed here, so that the slider answers at once; of a longer one
// the server sends what the pixels need, smoothed over all points, and it is asked again when the
// slider, the zoom or its length changed.

import { getSeries } from "../api/http";
import type { Points } from "../api/types";
import type { Series } from "../api/series";
import { Smoother } from "../charts/smoothing";
import { onPoints, onReset } from "./store";

export interface Curve {
  steps: number[];
  walls: number[];
  values: number[];
  smoothed: number[];
  /** All points of the run are here. */
  whole: boolean;
  total: number;
  /** Wall time of the run's first point, for relative time. */
  start: number;
  smoothing: number;
}

export interface View { smoothing: number; px: number; x0?: number; x1?: number; axis: "step" | "wall" }

type Listener = () => void;
type Pushed = [step: number, wall: number, value: number | null];
const REFETCH_AFTER = 2000; // pushed points that were appended to a thinned curve

class Entry {
  curve: Curve | null = null;
  failed = false;
  readonly listeners = new Set<Listener>();
  /** Resolves when the answer that is under way is here, if one is. */
  answered: Promise<void> = Promise.resolve();
  private fetching: AbortController | null = null;
  private smoother = new Smoother(0);
  private pushed = 0;
  private part = false; // only a stretch of the curve is here
  private fetched = "";
  private view: View | null = null;
  private early: Pushed[] = []; // pushed while an answer was under way

  constructor(readonly run: string, readonly tag: string) {}

  want(view: View): void {
    this.view = view;
    const curve = this.curve;
    if (curve?.whole) {
      if (curve.smoothing !== view.smoothing) this.smoothWhole(curve, view.smoothing);
    } else if (this.fetched !== this.key(view)) {
      this.ask(view);
    }
  }

  refetch(): void {
    this.fetched = "";
    if (this.view !== null) this.ask(this.view);
  }

  append(points: Pushed[]): void {
    if (this.fetching !== null) this.early.push(...points);
    const curve = this.curve;
    if (curve === null || !this.add(curve, points)) return;
    this.tell();
    if (!curve.whole && this.pushed > REFETCH_AFTER) this.refetch();
  }

  private key(view: View): string {
    return `${view.smoothing}|${view.px}|${view.x0}|${view.x1}|${view.axis}`;
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private smoothWhole(curve: Curve, smoothing: number): void {
    this.smoother = new Smoother(smoothing);
    curve.smoothed = curve.values.map((value) => this.smoother.next(value));
    curve.smoothing = smoothing;
  }

  private add(curve: Curve, points: Pushed[]): boolean {
    if (this.part) return false;
    let last = curve.steps[curve.steps.length - 1] ?? -Infinity;
    let added = false;
    for (const [step, wall, value] of points) {
      if (step <= last) continue; // known already from an answer that was younger
      const number = value ?? NaN;
      curve.steps.push(step);
      curve.walls.push(wall);
      curve.values.push(number);
      curve.smoothed.push(this.smoother.next(number));
      curve.total++;
      this.pushed++;
      last = step;
      added = true;
    }
    return added;
  }

  private take(series: Series, view: View, zoomed: boolean): void {
    const whole = series.total === series.steps.length;
    const first = series.walls[0] ?? 0;
    const curve: Curve = {
      steps: Array.from(series.steps), walls: Array.from(series.walls),
      values: Array.from(series.values), smoothed: Array.from(series.smoothed),
      whole, total: series.total, smoothing: view.smoothing,
      start: zoomed && !whole ? this.curve?.start ?? first : first,
    };
    if (whole) {
      this.smoothWhole(curve, view.smoothing);
    } else {
      this.smoother = new Smoother(view.smoothing);
      this.smoother.resume(curve.smoothed.filter(Number.isFinite).pop() ?? NaN, series.total);
    }
    this.part = zoomed && !whole;
    this.curve = curve;
    this.pushed = 0;
    this.add(curve, this.early);
    this.early = [];
  }

  private ask(view: View): void {
    this.fetching?.abort();
    const abort = new AbortController();
    this.fetching = abort;
    const zoomed = view.x0 !== undefined && view.x1 !== undefined;
    this.fetched = this.key(view);
    this.answered = getSeries({
      run: this.run, tag: this.tag, smooth: view.smoothing, px: view.px,
      ...(zoomed ? { x0: view.x0, x1: view.x1, axis: view.axis } : {}),
    }, abort.signal).then((series) => {
      if (abort.signal.aborted) return;
      this.fetching = null;
      this.failed = false;
      this.take(series, view, zoomed);
      this.tell();
    }).catch(() => {
      if (abort.signal.aborted) return;
      this.fetching = null;
      this.failed = true; // what was drawn stays; a reopened channel asks again
      this.tell();
    });
  }
}

const entries = new Map<string, Entry>();
const keyOf = (run: string, tag: string) => `${run} ${tag}`;

function entryOf(run: string, tag: string): Entry {
  const key = keyOf(run, tag);
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = new Entry(run, tag);
    entries.set(key, entry);
  }
  return entry;
}

/** The curve as far as it is here; asks for what `view` needs besides. */
export function curveFor(run: string, tag: string, view: View): Curve | null {
  const entry = entryOf(run, tag);
  entry.want(view);
  return entry.curve;
}

/** Resolves when no answer for the curve is under way. */
export const curveAnswered = (run: string, tag: string): Promise<void> => entryOf(run, tag).answered;

/** Wall time at which the curve begins, as far as it is known. */
export const startOf = (run: string, tag: string): number => entries.get(keyOf(run, tag))?.curve?.start ?? 0;

/** Calls back when the curve changed; answers how to stop. */
export function onCurve(run: string, tag: string, listener: () => void): () => void {
  const entry = entryOf(run, tag);
  entry.listeners.add(listener);
  return () => entry.listeners.delete(listener);
}

onPoints((points: Points) => {
  for (const [tag, list] of Object.entries(points.series)) {
    entries.get(keyOf(points.run, tag))?.append(list);
  }
});
onReset((run) => {
  for (const entry of entries.values()) if (run === null || entry.run === run) entry.refetch();
});
