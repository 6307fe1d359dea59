// What is chosen on the Curves page: remembered here, and in the address so that a link shows the
// same. Only what differs from the defaults is in the address; runs and tags go by short hashes.

import { batch, computed, effect, signal } from "@preact/signals";
import { route, setQuery } from "../../app/router";
import type { Axis } from "../../charts/line_data";
import type { Run } from "../../api/types";
import { makeFilter } from "../../runs/filter";
import { kept } from "../../runs/settings";
import { shortHash } from "../../runs/shorthash";
import { runs, tags } from "../../runs/store";

export const SMOOTHING = 0.6;

export const smoothing = kept("curves.smoothing", SMOOTHING);
export const axis = kept<Axis>("curves.axis", "step");
export const logY = kept("curves.log", false);
export const ignoreOutliers = kept("curves.outliers", false);
export const runFilter = signal("");
export const tagFilter = signal("");
/** Short hashes of run names that are switched off. */
export const hidden = kept<string[]>("curves.hidden", []);
/** Short hashes of tags that are shown on top. */
export const pinned = kept<string[]>("curves.pinned", []);
/** x ranges of zoomed charts by the tag's short hash. */
export const zooms = signal<Record<string, [number, number]>>({});
/** The run that the pointer is on in the list. */
export const hovered = signal<string | null>(null);

export const listedRuns = computed(() => {
  const filter = makeFilter(runFilter.value);
  return runs.value.filter((run) => filter.matches(run.name));
});
export const isHidden = (run: Run) => hidden.value.includes(shortHash(run.name));
export const visibleRuns = computed(() => listedRuns.value.filter((run) => !isHidden(run)));

export function setVisible(list: Run[], on: boolean): void {
  const hashes = list.map((run) => shortHash(run.name));
  hidden.value = on
    ? hidden.value.filter((h) => !hashes.includes(h))
    : [...new Set([...hidden.value, ...hashes])];
}

export function showOnly(list: Run[]): void {
  const wanted = new Set(list.map((run) => run.id));
  hidden.value = runs.value.filter((run) => !wanted.has(run.id)).map((run) => shortHash(run.name));
}

export function togglePin(tag: string): void {
  const hash = shortHash(tag);
  pinned.value = pinned.value.includes(hash)
    ? pinned.value.filter((h) => h !== hash) : [...pinned.value, hash];
}

/** Which way is up, and whether a tag is one of the two that matter most. */
export function tagKind(tag: string): "accuracy" | "loss" | "other" {
  const last = tag.split("/").pop() ?? tag;
  if (/(^|_)(acc|accuracy)(_|$)/i.test(last)) return "accuracy";
  if (/cross_?entropy|(^|_)loss(_|$)/i.test(last)) return "loss";
  return "other";
}

/** The tags of the visible runs: those that matter, and the others by what they begin with. */
export const tagGroups = computed(() => {
  const filter = makeFilter(tagFilter.value);
  const all = new Set<string>();
  for (const run of visibleRuns.value) for (const s of tags.value[run.id]?.scalars ?? []) all.add(s.tag);
  const names = [...all].filter((tag) => filter.matches(tag)).sort();
  const main = names.filter((tag) => tagKind(tag) === "accuracy")
    .concat(names.filter((tag) => tagKind(tag) === "loss"));
  const rest = new Map<string, string[]>();
  for (const tag of names.filter((name) => tagKind(name) === "other")) {
    const prefix = tag.includes("/") ? tag.slice(0, tag.lastIndexOf("/")) : "";
    rest.set(prefix, [...(rest.get(prefix) ?? []), tag]);
  }
  return { main, rest: [...rest], pins: [...all].filter((tag) => pinned.value.includes(shortHash(tag))) };
});

/** The tags that matter less are folded up, unless there is nothing else to see or they were sought. */
export const isFolded = computed(() => {
  const { main, rest } = tagGroups.value;
  return tagFilter.value.trim() === "" && (main.length > 0 || rest.length > 1);
});

const OWN = ["s", "x", "log", "out", "runs", "tags", "hide", "pin", "zoom"];

/** Takes over what the address says, if it says anything. */
export function readAddress(): void {
  const { query } = route.peek();
  if (!OWN.some((key) => query.has(key))) return;
  batch(() => {
    const s = Number(query.get("s") ?? SMOOTHING);
    smoothing.value = Number.isFinite(s) ? Math.min(0.99, Math.max(0, s)) : SMOOTHING;
    const x = query.get("x");
    axis.value = x === "relative" || x === "wall" ? x : "step";
    logY.value = query.get("log") === "1";
    ignoreOutliers.value = query.get("out") === "1";
    runFilter.value = query.get("runs") ?? "";
    tagFilter.value = query.get("tags") ?? "";
    const list = (name: string) => (query.get(name) ?? "").split(",").filter((h) => /^[0-9a-z]+$/.test(h));
    hidden.value = list("hide");
    pinned.value = list("pin");
    const ranges = (query.get("zoom") ?? "").split(",").map((z) => z.split(":"));
    zooms.value = Object.fromEntries(ranges.flatMap(([hash, low, high]) => {
      const pair: [number, number] = [Number(low), Number(high)];
      return hash && pair[1] > pair[0] ? [[hash, pair]] : [];
    }));
  });
}

/** Ties the choices to the address while the page is shown; answers how to stop. */
export function bindAddress(): () => void {
  readAddress();
  return effect(() => {
    const short = (v: number) => String(Number(v.toPrecision(7)));
    setQuery({
      s: smoothing.value === SMOOTHING ? null : smoothing.value,
      x: axis.value === "step" ? null : axis.value,
      log: logY.value ? 1 : null,
      out: ignoreOutliers.value ? 1 : null,
      runs: runFilter.value || null,
      tags: tagFilter.value || null,
      hide: hidden.value.join(",") || null,
      pin: pinned.value.join(",") || null,
      zoom: Object.entries(zooms.value).map(([h, [a, b]]) => `${h}:${short(a)}:${short(b)}`).join(",") || null,
    });
  });
}
