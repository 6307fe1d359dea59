// What the Curves page asks the server for: a chart's curves, and those of the first charts before the
// page's own script is here.

import { axis, isFolded, readAddress, smoothing, tagGroups, visibleRuns, zooms } from "./curve_state";
import type { Run } from "../../api/types";
import { curveAnswered, curveFor, startOf, type Curve } from "../../runs/curve_data";
import { shortHash } from "../../runs/shorthash";
import { tags } from "../../runs/store";

// As style sheets have it: what is beside the charts, between two, around one and around a fold's, and
// the least that one takes.
const BESIDE = 264 + 26 + 2 * 24;
const BETWEEN = 18;
const AROUND = 2 * 22;
const AROUND_FOLD = 2 * 17;
const NARROWEST = { big: 480, small: 360 };
const WIDEST_PAGE = 1560;
const WORTH_WAITING_FOR = 60; // ms

export const hasTag = (run: Run, tag: string) => tags.value[run.id]?.scalars.some((s) => s.tag === tag) ?? false;

/** What is here of a curve; asks for what is not. */
export function curveOf(run: Run, tag: string, width: number, zoom: [number, number] | undefined): Curve | null {
  const before = axis.value === "relative" ? startOf(run.id, tag) : 0;
  return curveFor(run.id, tag, {
    // In steps, so that a chart that is laid out anew does not ask anew.
    smoothing: smoothing.value, px: Math.ceil((width * devicePixelRatio) / 400) * 400,
    axis: axis.value === "step" ? "step" : "wall",
    ...(zoom ? { x0: zoom[0] + before, x1: zoom[1] + before } : {}),
  });
}

/** The curves of a row of charts, of the `names` that fit into one `place` pixels wide; guessed, for the answers only come sooner. */
function askRow(names: string[], place: number, narrowest: number, mayBeFewer: boolean): Promise<unknown> {
  const fitting = Math.max(1, Math.floor((place + BETWEEN) / (narrowest + BETWEEN)));
  const columns = mayBeFewer ? Math.min(fitting, names.length) : fitting;
  const width = (place + BETWEEN) / columns - BETWEEN - AROUND;
  const under = names.slice(0, columns).flatMap((tag) => {
    const zoom = zooms.value[shortHash(tag)];
    return visibleRuns.value.filter((run) => hasTag(run, tag)).map((run) => {
      curveOf(run, tag, width, zoom);
      return curveAnswered(run.id, tag);
    });
  });
  return Promise.all(under);
}

/** Asks for the curves that will be seen first. Resolves when they are here, or soon: a page that is drawn without them is drawn twice. */
export function askForFirstCurves(): Promise<unknown> {
  readAddress();
  const { main, rest } = tagGroups.value;
  const place = Math.min(innerWidth, WIDEST_PAGE) - BESIDE;
  const names = rest[0]?.[1] ?? [];
  const asked = main.length > 0 ? askRow(main, place, NARROWEST.big, true)
    : isFolded.value ? Promise.resolve() : askRow(names, place - AROUND_FOLD, NARROWEST.small, false);
  return Promise.race([asked, new Promise((resolve) => setTimeout(resolve, WORTH_WAITING_FOR))]);
}
