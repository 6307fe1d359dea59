// How the weights and activations are spread, over the steps.

import { useState } from "preact/hooks";
import { getHist } from "../api/http";
import type { Hist, Run } from "../api/types";
import { link, route, setQuery } from "../app/router";
import { dark } from "../app/theme";
import { Empty, Loading, messageOf, Notice, Page, Segmented, Select } from "../app/ui";
import { useFetched, useWidth } from "../app/use";
import { band, heights, offsets, outline } from "../charts/histogram";
import { formatValue, niceTicks } from "../charts/ticks";
import { number, t } from "../i18n";
import { colourOf } from "../runs/colours";
import { loaded, runs, tags } from "../runs/store";
import { useSeen } from "./parts/chart_card";
import { runName } from "./parts/run_name";

type Mode = "offset" | "overlay" | "bands";
const HEIGHT = 300;
const BINS = 48;

function Ridges({ hist, mode, at, colour, width }: { hist: Hist; mode: "offset" | "overlay"; at: number; colour: string; width: number }) {
  const frame = { left: 12, top: 10, width: width - 70, height: HEIGHT - 44 };
  const low = hist.edges[0] ?? 0;
  const high = hist.edges[hist.edges.length - 1] ?? 1;
  const x = (v: number) => frame.left + ((v - low) / (high - low || 1)) * frame.width;
  const place = offsets(frame, hist.steps.length, mode === "overlay");
  const scales = heights(hist.counts, place.tall);
  const path = (i: number) => outline(hist.edges, hist.counts[i] ?? [], x, place.base(i), scales[i] ?? 0);
  const labels = new Set(niceTicks(0, hist.steps.length - 1, 5).map(Math.round));
  const order = hist.steps.map((_, i) => i);
  return (
    <>
      {niceTicks(low, high, width < 420 ? 4 : 7).map((tick) => (
        <g key={tick}><path class="grid" d={`M${x(tick)} ${frame.top}V${frame.top + frame.height}`} />
          <text class="tick" x={x(tick)} y={HEIGHT - 14} text-anchor="middle">{formatValue(tick)}</text></g>
      ))}
      {order.map((i) => {
        const age = hist.steps.length < 2 ? 1 : i / (hist.steps.length - 1);
        return <path key={i} class="ridge" d={path(i)}
          fill={mode === "offset" ? colour : "none"} fill-opacity={0.16 + 0.5 * age} stroke={mode === "offset" ? "var(--surface)" : colour} stroke-opacity={mode === "offset" ? 1 : 0.15 + 0.5 * age} />;
      })}
      <path class="ridge chosen" d={path(at)} fill={colour} fill-opacity="0.35" stroke={colour} />
      {mode === "offset" && order.filter((i) => labels.has(i)).map((i) => (
        <text key={i} class="tick" x={frame.left + frame.width + 8} y={place.base(i) + 4}>{number(hist.steps[i] ?? 0)}</text>
      ))}
    </>
  );
}

function Bands({ hist, at, colour, width }: { hist: Hist; at: number; colour: string; width: number }) {
  const frame = { left: 52, top: 10, width: width - 66, height: HEIGHT - 44 };
  const { p, values } = hist.percentiles;
  const all = values.flat().filter((v): v is number => v !== null);
  const low = Math.min(...all);
  const high = Math.max(...all);
  const first = hist.steps[0] ?? 0;
  const last = hist.steps[hist.steps.length - 1] ?? 1;
  const x = (v: number) => frame.left + ((v - first) / (last - first || 1)) * frame.width;
  const y = (v: number) => frame.top + frame.height * (1 - (v - low) / (high - low || 1));
  const line = (k: number) => values.map((row) => row[k] ?? null);
  const pairs = Array.from({ length: Math.floor(p.length / 2) }, (_, k) => [k, p.length - 1 - k] as const);
  const middle = Math.floor(p.length / 2);
  return (
    <>
      {niceTicks(low, high, 5).map((tick) => (
        <g key={tick}><path class="grid" d={`M${frame.left} ${y(tick)}H${frame.left + frame.width}`} />
          <text class="tick" x={frame.left - 8} y={y(tick) + 4} text-anchor="end">{formatValue(tick)}</text></g>
      ))}
      {niceTicks(first, last, width < 420 ? 3 : 6).map((tick) => <text key={tick} class="tick" x={x(tick)} y={HEIGHT - 14} text-anchor="middle">{number(tick)}</text>)}
      {pairs.map(([a, b]) => <path key={a} d={band(hist.steps, line(a), line(b), x, y)} fill={colour} fill-opacity={0.14 + 0.06 * a}><title>{`${p[a]}–${p[b]} %`}</title></path>)}
      <path d={band(hist.steps, line(middle), line(middle), x, y)} fill="none" stroke={colour} stroke-width="2" />
      <path class="marker" d={`M${x(hist.steps[at] ?? first)} ${frame.top}v${frame.height}`} />
    </>
  );
}

function HistCard({ run, tag, mode }: { run: Run; tag: string; mode: Mode }) {
  const [seen, isSeen] = useSeen();
  const [place, width] = useWidth<HTMLDivElement>();
  const [slider, setSlider] = useState<number | null>(null);
  const { value: hist, error } = useFetched(isSeen ? `hist ${run.id} ${tag} ${Math.floor((run.last_step ?? 0) / 25)}` : null, () => getHist(run.id, tag, BINS));
  const last = (hist?.steps.length ?? 1) - 1;
  const at = Math.min(slider ?? last, last);
  const colour = colourOf(run.group, dark.value);
  const percentiles = hist?.percentiles.values[at] ?? [];
  const middle = percentiles[Math.floor(percentiles.length / 2)];
  const label = hist === null ? tag : t("weights.label", { tag, step: hist.steps[at] ?? 0, low: formatValue(percentiles[0]), median: formatValue(middle), high: formatValue(percentiles[percentiles.length - 1]) });
  return (
    <section ref={seen} class="card hist-card" aria-label={tag}>
      <div class="card-head"><div class="card-title"><h3>{tag.split("/").filter((s) => !/^(summaries|histogram)$/.test(s)).slice(-2).join(" / ")}</h3><code>{tag}</code></div></div>
      <div ref={place} class="hist-place" style={{ minHeight: `${HEIGHT}px` }}>
        {error !== null && <Notice kind="error">{messageOf(error)}</Notice>}
        {isSeen && hist === null && error === null && <Loading />}
        {hist !== null && width > 0 && hist.steps.length > 0 && (
          <svg width={width} height={HEIGHT} role="img" aria-label={label}>
            {mode === "bands" ? <Bands hist={hist} at={at} colour={colour} width={width} /> : <Ridges hist={hist} mode={mode} at={at} colour={colour} width={width} />}
          </svg>
        )}
      </div>
      {hist !== null && last > 0 && (
        <label class="slider step-slider">
          <span>{t("curves.step.word")}</span>
          <input type="range" min={0} max={last} step={1} value={at} aria-valuetext={number(hist.steps[at] ?? 0)} onInput={(e) => setSlider(Number(e.currentTarget.value))} />
          <output>{number(hist.steps[at] ?? 0)}</output>
          <span class="faint">{t("weights.median", { value: formatValue(middle) })}</span>
        </label>
      )}
    </section>
  );
}

export default function Weights() {
  const [mode, setMode] = useState<Mode>("offset");
  const title = t("page.weights");
  const having = runs.value.filter((run) => (tags.value[run.id]?.histograms.length ?? 0) > 0);
  const wanted = route.value.query.get("run");
  const run = having.find((r) => r.id === wanted) ?? [...having].reverse().find((r) => r.kind !== "validation") ?? having[0];
  if (!loaded.value || (runs.value.length > 0 && Object.keys(tags.value).length === 0)) return <Page title={title}><Loading /></Page>;
  if (run === undefined) return <Page title={title}><Empty stage={1} title={t("weights.empty")}><p>{t("weights.empty.text")}</p><p><a class="button primary" href={link("train")}>{t("page.train")}</a></p></Empty></Page>;
  return (
    <Page title={title} wide lead={t("weights.lead")} actions={
      <>
        <Select label={t("weights.run")} value={run.id} onChange={(id) => setQuery({ run: id })} options={having.map((r) => ({ value: r.id, text: runName(r.name) }))} />
        <Segmented label={t("weights.mode")} value={mode} onChange={(v) => setMode(v)}
          options={[{ value: "offset", text: t("weights.offset") }, { value: "overlay", text: t("weights.overlay") }, { value: "bands", text: t("weights.bands") }]} />
      </>
    }>
      <div class="chart-grid two">{(tags.value[run.id]?.histograms ?? []).map((h) => <HistCard key={`${run.id} ${h.tag}`} run={run} tag={h.tag} mode={mode} />)}</div>
    </Page>
  );
}
