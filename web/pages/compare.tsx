// Two trainings side by side: what was set differently, how the results differ, on which photos.

import { getComparison } from "../api/http";
import type { Comparison, CompareSide, Training } from "../api/types";
import { link, route, setQuery } from "../app/router";
import { dark } from "../app/theme";
import { Empty, IntervalBar, Loading, messageOf, Notice, Page, Select } from "../app/ui";
import { useFetched } from "../app/use";
import { moment, number, percent, t } from "../i18n";
import { colourOf } from "../runs/colours";
import { loaded, runs, tags, trainings } from "../runs/store";
import { ChartCard } from "./parts/chart_card";
import { tagKind } from "./parts/curve_state";
import { Matrix } from "./parts/matrix";
import { runName } from "./parts/run_name";
import { SampleGallery } from "./parts/samples";

function Side({ letter, training, side }: { letter: string; training: Training; side: CompareSide }) {
  return (
    <section class="card side" aria-label={`${letter}: ${runName(training.name)}`}>
      <p class="eyebrow"><span class="group-dot" style={{ background: colourOf(training.group, dark.value) }} aria-hidden="true" /> {letter} · {runName(training.name)}</p>
      <strong class="huge">{percent(side.accuracy)}</strong>
      {side.accuracy !== null && <IntervalBar accuracy={side.accuracy} interval={side.interval_95} />}
      <p class="faint">{side.interval_95 ? t("results.interval", { low: percent(side.interval_95[0]), high: percent(side.interval_95[1]) }) : t("compare.untested")} · {t("photos", { n: side.photos })}</p>
    </section>
  );
}

/** What the two intervals allow to say. */
function verdict(result: Comparison): string | null {
  const { a, b } = result;
  if (a.accuracy === null || b.accuracy === null || a.interval_95 === null || b.interval_95 === null) return null;
  const points = (Math.abs(b.accuracy - a.accuracy) * 100).toFixed(1);
  const apart = a.interval_95[1] < b.interval_95[0] || b.interval_95[1] < a.interval_95[0];
  if (a.accuracy === b.accuracy) return t("compare.same");
  const better = b.accuracy > a.accuracy ? "B" : "A";
  return apart ? t("compare.better", { better, points }) : t("compare.maybe", { better, points });
}

const shown = (value: unknown) => (value === null || value === undefined || value === "" ? "–" : typeof value === "string" ? value : JSON.stringify(value));

function Body({ result, a, b }: { result: Comparison; a: Training; b: Training }) {
  const both = runs.value.filter((run) => run.group === a.group || run.group === b.group);
  const names = [...new Set(both.flatMap((run) => tags.value[run.id]?.scalars.map((s) => s.tag) ?? []))];
  const labels = result.labels ?? b.labels;
  const said = verdict(result);
  const gallery = (kind: "fixed" | "broken") => (
    <section class="card" aria-label={t(`compare.${kind}`)}>
      <div class="card-head"><div><h2>{t(`compare.${kind}`)} <span class="faint count">{number(result[kind].length)}</span></h2><p class="faint">{t(`compare.${kind}.hint`)}</p></div></div>
      {result[kind].length === 0 ? <p class="faint nothing">{t("compare.no.photos")}</p>
        : <SampleGallery samples={result[kind]} total={result[kind].length} labels={labels} label={t(`compare.${kind}`)} />}
    </section>
  );
  return (
    <>
      <div class="columns even"><Side letter="A" training={a} side={result.a} /><Side letter="B" training={b} side={result.b} /></div>
      {said !== null && <p class="verdict-line">{said}</p>}
      <div class="columns">
        <section class="card" aria-label={t("compare.options")}>
          <h2>{t("compare.options")}</h2>
          {result.options.length === 0 ? <p class="faint">{t("compare.options.same")}</p> : (
            <div class="table-scroll" role="region" aria-label={t("compare.options")} tabIndex={0}>
              <table class="figures"><thead><tr><th scope="col">{t("compare.option")}</th><th scope="col">A</th><th scope="col">B</th></tr></thead>
                <tbody>{result.options.map((o) => <tr key={o.name}><th scope="row"><code>{o.name}</code></th><td>{shown(o.a)}</td><td>{shown(o.b)}</td></tr>)}</tbody></table>
            </div>
          )}
        </section>
        <section class="card" aria-label={t("compare.matrix")}>
          <h2>{t("compare.matrix")}</h2>
          <p class="faint">{t("compare.matrix.hint")}</p>
          {result.difference === null || result.labels === null ? <p>{t("compare.labels")}</p>
            : <Matrix labels={result.labels} values={result.difference.map((row) => row.map((v) => (v === 0 ? 0 : -v)))} mode="difference" caption={t("compare.matrix")} />}
        </section>
      </div>
      <div class="chart-grid two">{names.filter((n) => tagKind(n) !== "other").map((tag) => <ChartCard key={tag} tag={tag} runs={both} big />)}</div>
      {gallery("fixed")}
      {gallery("broken")}
    </>
  );
}

export default function Compare() {
  const list = trainings.value;
  const { query } = route.value;
  const find = (key: string, otherwise: Training | undefined) => list.find((training) => training.id === query.get(key)) ?? otherwise;
  const b = find("b", list[0]);
  const a = find("a", list.find((training) => training.id !== b?.id));
  const { value, error } = useFetched(a && b ? `compare ${a.id} ${b.id}` : null, () => getComparison(a?.id ?? "", b?.id ?? ""));
  const title = t("page.compare");
  if (!loaded.value) return <Page title={title}><Loading /></Page>;
  if (a === undefined || b === undefined) {
    return <Page title={title}><Empty stage={2} title={t("compare.empty")}><p>{t("compare.empty.text")}</p><p><a class="button primary" href={link("train")}>{t("page.train")}</a></p></Empty></Page>;
  }
  const options = list.map((training) => ({ value: training.id, text: `${runName(training.name)} · ${moment(training.started)}` }));
  return (
    <Page title={title} lead={t("compare.lead")} actions={
      <>
        <Select label="A" value={a.id} options={options} onChange={(id) => setQuery({ a: id })} />
        <Select label="B" value={b.id} options={options} onChange={(id) => setQuery({ b: id })} />
      </>
    }>
      {error !== null && <Notice kind="error">{messageOf(error)}</Notice>}
      {value === null && error === null && <Loading />}
      {value !== null && <Body result={value} a={a} b={b} />}
    </Page>
  );
}
