// The curves of all runs, live.

import { useEffect } from "preact/hooks";
import { CopyButton, Empty, Loading, Page, SearchBox, Segmented, Toggle } from "../app/ui";
import { link } from "../app/router";
import { t } from "../i18n";
import { makeFilter } from "../runs/filter";
import { loaded, runs, status, tags } from "../runs/store";
import { ChartCard } from "./parts/chart_card";
import { Command } from "./parts/command";
import {
  axis, bindAddress, ignoreOutliers, isFolded, logY, smoothing, tagFilter, tagGroups, visibleRuns,
} from "./parts/curve_state";
import { RunList } from "./parts/run_list";

function useSmoothingKeys(): void {
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if ((e.key !== "[" && e.key !== "]") || e.ctrlKey || e.metaKey) return;
      if (e.target instanceof HTMLInputElement && e.target.type !== "range" && e.target.type !== "checkbox") return;
      const next = smoothing.peek() + (e.key === "]" ? 0.05 : -0.05);
      smoothing.value = Math.round(Math.min(0.99, Math.max(0, next)) * 100) / 100;
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function Toolbar() {
  return (
    <div class="toolbar">
      <SearchBox label={t("curves.filter.tags")} value={tagFilter.value} invalid={!makeFilter(tagFilter.value).valid}
        onInput={(v) => (tagFilter.value = v)} />
      <label class="slider">
        <span>{t("curves.smoothing")}</span>
        <input type="range" min="0" max="0.99" step="0.01" value={smoothing.value}
          onInput={(e) => (smoothing.value = Number(e.currentTarget.value))} />
        <output>{smoothing.value.toFixed(2)}</output>
      </label>
      <Segmented label={t("curves.axis")} value={axis.value} onChange={(v) => (axis.value = v)}
        options={[{ value: "step", text: t("axis.step") }, { value: "relative", text: t("axis.relative") }, { value: "wall", text: t("axis.wall") }]} />
      <Toggle label={t("curves.log")} checked={logY.value} onChange={(on) => (logY.value = on)} />
      <Toggle label={t("curves.outliers")} checked={ignoreOutliers.value} onChange={(on) => (ignoreOutliers.value = on)} />
    </div>
  );
}

function NothingYet() {
  const dirs = status.value?.logdirs ?? [];
  const command = `graft retrain --summaries_dir=${dirs[0]?.path ?? "tf_files/training_summaries"} --image_dir=tf_files/flower_photos`;
  return (
    <Empty stage={0} title={t("curves.empty")}>
      <p>{t("curves.empty.looked")}</p>
      <ul class="paths">
        {dirs.map((d) => <li key={d.path}><code>{d.path}</code>{!d.exists && <span class="chip warning">{t("curves.empty.missing")}</span>}</li>)}
      </ul>
      <p>{t("curves.empty.wait")}</p>
      <p><a class="button primary" href={link("train")}>{t("curves.empty.train")}</a></p>
      <p class="faint">{t("curves.empty.command")}</p>
      <Command text={command} />
    </Empty>
  );
}

export default function Curves() {
  useEffect(bindAddress, []);
  useSmoothingKeys();
  if (!loaded.value) return <Page title={t("page.curves")}><Loading /></Page>;
  if (runs.value.length === 0) return <Page title={t("page.curves")}><NothingYet /></Page>;
  const { main, rest, pins } = tagGroups.value;
  const shown = visibleRuns.value;
  const tagsHere = runs.value.some((run) => tags.value[run.id] !== undefined);
  return (
    <Page title={t("page.curves")} wide lead={t("curves.lead")}
      actions={<CopyButton label={t("curves.link")} text={() => location.href} />}>
      <div class="with-side">
        <RunList />
        <div class="charts">
          <Toolbar />
          {pins.length > 0 && (
            <section aria-label={t("curves.pinned")}>
              <h2 class="section">{t("curves.pinned")}</h2>
              <div class="chart-grid">{pins.map((tag) => <ChartCard key={`pin ${tag}`} tag={tag} runs={shown} />)}</div>
            </section>
          )}
          <div class="chart-grid two">{main.map((tag) => <ChartCard key={tag} tag={tag} runs={shown} big />)}</div>
          {rest.map(([prefix, names]) => (
            <details key={prefix} class="fold" open={!isFolded.value}>
              <summary><span>{prefix === "" ? t("curves.others") : prefix}</span> <span class="chip">{names.length}</span></summary>
              <Fold names={names} />
            </details>
          ))}
          {tagsHere && main.length + rest.length === 0 && <p class="faint nothing">{shown.length === 0 ? t("curves.all.hidden") : t("curves.filter.nothing")}</p>}
        </div>
      </div>
    </Page>
  );
}

function Fold({ names }: { names: string[] }) {
  return <div class="chart-grid">{names.map((tag) => <ChartCard key={tag} tag={tag} runs={visibleRuns.value} />)}</div>;
}
