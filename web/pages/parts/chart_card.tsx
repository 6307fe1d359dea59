// One tag's curves of all visible runs: the chart, what its lines are, and what can be done with it.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "../../app/icons";
import { dark } from "../../app/theme";
import { Menu } from "../../app/menu";
import type { Run } from "../../api/types";
import { LineChart, type LineOptions } from "../../charts/line_chart";
import { axisValues, brokenSteps, yRange, type LineSeries } from "../../charts/line_data";
import { formatValue } from "../../charts/ticks";
import { locale, t, units } from "../../i18n";
import { colourOf } from "../../runs/colours";
import { onCurve } from "../../runs/curve_data";
import { shortHash } from "../../runs/shorthash";
import { axis, hovered, ignoreOutliers, logY, pinned, smoothing, tagKind, togglePin, zooms } from "./curve_state";
import { curveOf, hasTag } from "./curves_asked";
import { runName } from "./run_name";

const SECONDS_A_CURVE = 3.5;
const MOST_IN_LEGEND = 6;

// Fetched at their first use.
const downloads = () => import("./downloads");
const sound = () => import("../../charts/sound");

export function runLabel(run: Run): string {
  return runName(run.name);
}

/** The colours that charts on canvas take from the style sheet. */
export function chartColours(): LineOptions["colours"] {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return { ink: of("--muted"), grid: of("--hairline"), ground: of("--surface"), font: getComputedStyle(document.body).fontFamily };
}

const NEAR = 200; // pixels out of sight that count as seen

export function useSeen(): [RefObject<HTMLDivElement | null>, boolean] {
  const ref = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(false);
  useLayoutEffect(() => {
    if (ref.current === null) return undefined;
    // What is in sight from the start does not wait for a frame to be painted.
    const { top, bottom } = ref.current.getBoundingClientRect();
    const folded = ref.current.closest("details:not([open])") !== null;
    if (!folded && bottom > -NEAR && top < innerHeight + NEAR) {
      setSeen(true);
      return undefined;
    }
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((e) => e.isIntersecting)) {
        setSeen(true);
        observer.disconnect();
      }
    }, { rootMargin: `${NEAR}px` });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return [ref, seen];
}

/** Calls for a new drawing when one of the curves changed: the first at once, others once a frame. */
function useCurves(list: Run[], tag: string, isDrawn: () => boolean): void {
  const [, setTurn] = useState(0);
  const key = list.map((run) => run.id).join();
  useLayoutEffect(() => {
    let frame = 0;
    const changed = () => {
      if (!isDrawn()) {
        setTurn((n) => n + 1);
        return;
      }
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        setTurn((n) => n + 1);
      });
    };
    const stops = list.map((run) => onCurve(run.id, tag, changed));
    return () => {
      cancelAnimationFrame(frame);
      for (const stop of stops) stop();
    };
  }, [key, tag]);
}

/** The curves of `list` as the chart takes them; asks for what is not here yet. */
function seriesOf(list: Run[], tag: string, width: number, zoom: [number, number] | undefined): LineSeries[] {
  return list.flatMap((run): LineSeries[] => {
    const curve = curveOf(run, tag, width, zoom);
    if (curve === null || curve.steps.length === 0) return [];
    return [{
      id: run.id, name: runLabel(run), colour: colourOf(run.group, dark.value), dashed: run.kind === "validation",
      x: axisValues(axis.value, curve.steps, curve.walls, curve.start),
      y: smoothing.value > 0 ? curve.smoothed : curve.values, raw: curve.values,
      steps: curve.steps, walls: curve.walls, start: curve.start,
    }];
  });
}

/** A training's curves in one entry: its name, then each line with the value that it has come to. */
function Legend({ series, runs }: { series: LineSeries[]; runs: Run[] }) {
  const groupOf = (s: LineSeries) => runs.find((run) => run.id === s.id)?.group ?? s.name;
  const names = [...new Set(series.map(groupOf))];
  const shown = names.slice(0, MOST_IN_LEGEND);
  return (
    <ul class="legend">
      {shown.map((name) => (
        <li key={name}>
          <span class="legend-name">{runName(name)}</span>
          {series.filter((s) => groupOf(s) === name).map((s) => (
            <span key={s.id} class="legend-value" title={s.name}>
              <span class={s.dashed ? "swatch dashed" : "swatch"} style={{ color: s.colour }} aria-hidden="true" />
              <span class="sr-only">{s.name}</span>
              <strong>{formatValue(s.y[s.y.length - 1])}</strong>
            </span>
          ))}
        </li>
      ))}
      {names.length > shown.length && <li>{t("curves.more", { n: names.length - shown.length })}</li>}
    </ul>
  );
}

export function ChartCard({ tag, runs, big }: { tag: string; runs: Run[]; big?: boolean }) {
  const hash = shortHash(tag);
  const [place, seen] = useSeen();
  const frame = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<LineChart | null>(null);
  const [wide, setWide] = useState(false);
  const [playing, setPlaying] = useState(false);
  const list = runs.filter((run) => hasTag(run, tag));
  useCurves(list, tag, () => chart.current !== null);

  const kind = tagKind(tag);
  const title = kind === "accuracy" ? t("curves.accuracy") : kind === "loss" && /entropy/i.test(tag)
    ? t("curves.cross_entropy") : tag.split("/").pop() ?? tag;
  const zoom = zooms.value[hash];
  const series = seen ? seriesOf(list, tag, frame.current?.clientWidth ?? 600, zoom) : [];
  const colours = useMemo(chartColours, [dark.value]);
  const options: LineOptions = {
    axis: axis.value, log: logY.value, ignoreOutliers: ignoreOutliers.value, showRaw: smoothing.value > 0,
    height: big || wide ? 320 : 220, colours, locale: locale.value, sync: `curves-${axis.value}`,
    words: { step: t("curves.step.word"), label: t("curves.chart.label", { tag: title }), nothing: t("curves.nothing"),
      units: units.value },
    onZoom: (range) => {
      const { [hash]: _old, ...others } = zooms.peek();
      zooms.value = range === null ? others : { ...others, [hash]: range };
    },
  };
  const ready = series.length > 0;

  useLayoutEffect(() => {
    if (!ready || host.current === null) return;
    if (chart.current === null) {
      chart.current = new LineChart(host.current, options);
      if (zoom) chart.current.zoomTo(zoom);
    }
    chart.current.update(series, options);
  });
  useLayoutEffect(() => {
    if (chart.current !== null && zoom === undefined) chart.current.zoomTo(null);
  }, [zoom]);
  useEffect(() => chart.current?.emphasise(hovered.value), [hovered.value]);
  useEffect(() => () => {
    chart.current?.destroy();
    chart.current = null;
  }, []);

  const listen = async () => {
    const { play, silence } = await sound();
    if (playing) {
      silence();
      return;
    }
    const range = chart.current?.ranges();
    if (!range) return;
    const inside = (s: LineSeries) => s.x.map((x, i) => ({ x, y: s.y[i] as number }))
      .filter(({ x }) => x >= range.x[0] && x <= range.x[1]);
    setPlaying(true);
    play(series.map(inside), range.y[0], range.y[1], SECONDS_A_CURVE, () => setPlaying(false));
  };
  const picture = () => {
    const range = chart.current?.ranges();
    const first = series[0]?.x ?? [0];
    const x: [number, number] = range?.x ?? [first[0] ?? 0, first[first.length - 1] ?? 1];
    return { title: title === tag ? tag : `${title} (${tag})`, series, x, y: range?.y ?? yRange(series, x[0], x[1], logY.value, false) ?? [0, 1] as [number, number],
      axis: axis.value, axisName: t(`axis.${axis.value}`), log: logY.value, showRaw: smoothing.value > 0, units: units.value,
      ink: dark.value ? "#e6ece9" : "#1c2421", grid: dark.value ? "#2b3532" : "#e4e4de", ground: dark.value ? "#171d1b" : "#ffffff" };
  };

  const isPinned = pinned.value.includes(hash);
  const broken = series.flatMap((s) => brokenSteps(s).slice(0, 1).map((step) => ({ s, step })));
  return (
    <section ref={place} class={`card chart-card${big ? " big" : ""}${wide ? " spread" : ""}`} aria-label={title}>
      <div class="card-head">
        <div class="card-title">
          <h3>{title}</h3>
          {title !== tag && <code>{tag}</code>}
          {big && kind !== "other" && <p class="faint">{t(`curves.${kind}.hint`)}</p>}
        </div>
        <div class="card-tools">
          {zoom && <button type="button" class="icon-button" aria-label={t("curves.fit")} title={t("curves.fit")} onClick={() => chart.current?.fit()}><Icon name="fit" /></button>}
          <button type="button" class="icon-button" aria-label={playing ? t("curves.silence") : t("curves.listen")} title={playing ? t("curves.silence") : t("curves.listen")} aria-pressed={playing} onClick={() => void listen()}><Icon name={playing ? "stop" : "sound"} /></button>
          <button type="button" class="icon-button" aria-label={t("curves.pin")} title={t("curves.pin")} aria-pressed={isPinned} onClick={() => togglePin(tag)}><Icon name="pin" /></button>
          <button type="button" class="icon-button wide-button" aria-label={t("curves.wide")} title={t("curves.wide")} aria-pressed={wide} onClick={() => setWide(!wide)}><Icon name="wide" /></button>
          <Menu label={t("curves.download")} icon="save" items={[
            { text: t("download.svg"), act: () => void downloads().then((d) => d.downloadPicture(tag, picture(), "svg")) },
            { text: t("download.png"), act: () => void downloads().then((d) => d.downloadPicture(tag, picture(), "png")) },
            { text: t("download.csv"), act: () => void downloads().then((d) => d.downloadTable(tag, list, "csv")) },
            { text: t("download.json"), act: () => void downloads().then((d) => d.downloadTable(tag, list, "json")) },
          ]} />
        </div>
      </div>
      <Legend series={series} runs={list} />
      <div ref={frame} class="chart-place" style={{ minHeight: `${options.height}px` }}>
        {ready ? <div ref={host} class="chart" /> : <div class="chart-waiting" aria-hidden="true" />}
      </div>
      {broken.map(({ s, step }) => (
        <p key={s.id} class="broken"><span style={{ color: s.colour }} aria-hidden="true">▲</span> {t("curves.nan", { name: s.name, step, n: brokenSteps(s).length })}</p>
      ))}
    </section>
  );
}
