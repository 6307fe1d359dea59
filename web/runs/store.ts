// What the page knows of the server: asked once, then kept up to date by the push channel. Signals,
// so that whatever shows them follows.

import { batch, computed, signal } from "@preact/signals";
import { openEvents, type Connection } from "../api/events";
import { ApiError, getStart, getStatus, getTags, startInPage } from "../api/http";
import type { Job, JobUpdate, Points, Run, Start, Status, Tags, Training } from "../api/types";
import { assignColours } from "./colours";

export const connection = signal<Connection>("connecting");
export const status = signal<Status | null>(null);
export const runs = signal<Run[]>([]);
export const trainings = signal<Training[]>([]);
export const job = signal<Job | null>(null);
/** False until the first answers are there. */
export const loaded = signal(false);
export const tags = signal<Record<string, Tags>>({});

/** Trainings' names as runs are grouped by, in the order of the list. */
export const groups = computed(() => [...new Set(runs.value.map((run) => run.group))]);
export const newestTraining = computed(() => trainings.value[0] ?? null);

type PointsListener = (points: Points) => void;
type ResetListener = (run: string | null) => void;
const pointsListeners = new Set<PointsListener>();
const resetListeners = new Set<ResetListener>();

export function onPoints(listener: PointsListener): () => void {
  pointsListeners.add(listener);
  return () => pointsListeners.delete(listener);
}
/** Called when numbers that were fetched before no longer hold; null: of all runs. */
export function onReset(listener: ResetListener): () => void {
  resetListeners.add(listener);
  return () => resetListeners.delete(listener);
}

const LOG_LINES = 200;
let stale: ReturnType<typeof setTimeout> | undefined;

/** Asks for the state of Home anew, soon: several reasons within a moment are one request. */
export function refreshStatus(): void {
  clearTimeout(stale);
  stale = setTimeout(() => void getStatus().then((s) => (status.value = s)).catch(() => undefined), 250);
}

async function loadTags(run: string): Promise<void> {
  try {
    const answer = await getTags(run);
    tags.value = { ...tags.peek(), [run]: answer };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // gone or offline: the push channel tells
  }
}

function take(start: Start): void {
  batch(() => {
    status.value = start.status;
    trainings.value = start.trainings;
    job.value = start.job;
    tags.value = { ...tags.peek(), ...start.tags };
    setRuns(start.runs);
    loaded.value = true;
  });
  for (const run of start.runs) if (start.tags[run.id] === undefined) void loadTags(run.id);
}

export async function loadAll(): Promise<void> {
  try {
    take(await getStart());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!loaded.peek()) setTimeout(() => void loadAll(), 1500);
  }
}

function setRuns(list: Run[]): void {
  const sorted = [...list].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  assignColours([...new Set(sorted.map((run) => run.group))]);
  runs.value = sorted;
}

function takePoints(points: Points): void {
  for (const listener of pointsListeners) listener(points);
  const known = tags.peek()[points.run];
  const unknownTag = known === undefined ||
    Object.keys(points.series).some((tag) => !known.scalars.some((s) => s.tag === tag)) ||
    points.histograms.some((tag) => !known.histograms.some((h) => h.tag === tag));
  if (unknownTag) void loadTags(points.run);
  const run = runs.peek().find((r) => r.id === points.run);
  if (run !== undefined && (run.last_step ?? -1) < points.step) {
    let wall = run.updated ?? 0;
    for (const list of Object.values(points.series)) wall = Math.max(wall, list[list.length - 1]?.[1] ?? 0);
    runs.value = runs.peek().map((r) =>
      r.id === points.run ? { ...r, last_step: points.step, updated: wall } : r);
  }
}

function takeRun(run: Run): void {
  setRuns([...runs.peek().filter((r) => r.id !== run.id), run]);
  void loadTags(run.id);
  refreshStatus();
}

function takeTraining(training: Training): void {
  const others = trainings.peek().filter((t) => t.id !== training.id);
  trainings.value = [training, ...others].sort((a, b) => (b.started ?? "").localeCompare(a.started ?? ""));
  refreshStatus();
}

function takeJob(update: JobUpdate): void {
  const { lines, ...rest } = update;
  const known = job.peek();
  const before = known?.id === rest.id ? known.log : [];
  job.value = { ...rest, log: [...before, ...(lines ?? [])].slice(-LOG_LINES) };
  if (known?.state !== rest.state) refreshStatus();
}

function forget(run: string): void {
  runs.value = runs.peek().filter((r) => r.id !== run);
  const { [run]: _gone, ...rest } = tags.peek();
  tags.value = rest;
  refreshStatus();
}

function invalidate(run: string | null): void {
  for (const listener of resetListeners) listener(run);
  if (run === null) void loadAll();
  else void loadTags(run);
}

const first = startInPage();

/** Takes what came with the page, or asks for it. */
export function begin(): void {
  if (first !== null) take(first);
  else void loadAll();
}

/** Follows from there on; answers how to stop. */
export function follow(): () => void {
  return openEvents(first?.event ?? null, {
    onConnection: (state) => (connection.value = state),
    onGap: () => invalidate(null),
    onPoints: takePoints,
    onRun: takeRun,
    onGone: forget,
    onReset: invalidate,
    onTraining: takeTraining,
    onJob: takeJob,
    onProblem: refreshStatus,
  });
}
