// How good the classifier is, and where it errs: with the photos.

import { useRef, useState } from "preact/hooks";
import { getEvaluation } from "../api/http";
import type { ClassFigures, Evaluation } from "../api/types";
import { link, route, setQuery } from "../app/router";
import { Empty, IntervalBar, Loading, messageOf, Notice, Page, Segmented } from "../app/ui";
import { useFetched } from "../app/use";
import { number, percent, t } from "../i18n";
import { loaded } from "../runs/store";
import { Matrix } from "./parts/matrix";
import { runName } from "./parts/run_name";
import { CellGallery, Suspects } from "./parts/samples";
import { chosenTraining, TrainingChoice } from "./parts/training_choice";

type Column = "label" | "photos" | "precision" | "recall" | "f1";

function Figure({ share }: { share: number | null }) {
  return (
    <td class="figure-cell">
      <span class="mini-bar" aria-hidden="true"><span style={{ width: `${(share ?? 0) * 100}%` }} /></span>
      <span>{percent(share)}</span>
    </td>
  );
}

function ClassTable({ classes }: { classes: ClassFigures[] }) {
  const [sort, setSort] = useState<{ by: Column; up: boolean }>({ by: "f1", up: true });
  const sorted = [...classes].sort((a, b) => {
    const x = a[sort.by];
    const y = b[sort.by];
    const order = typeof x === "string" && typeof y === "string" ? x.localeCompare(y, undefined, { numeric: true })
      : Number(x ?? -1) - Number(y ?? -1);
    return sort.up ? order : -order;
  });
  const head = (by: Column, text: string, title?: string) => (
    <th scope="col" aria-sort={sort.by === by ? (sort.up ? "ascending" : "descending") : undefined}>
      <button type="button" class="sort" title={title} onClick={() => setSort({ by, up: sort.by === by ? !sort.up : by === "label" || by === "f1" })}>
        {text}<span aria-hidden="true">{sort.by === by ? (sort.up ? " ↑" : " ↓") : ""}</span>
      </button>
    </th>
  );
  return (
    <div class="table-scroll" role="region" aria-label={t("results.classes")} tabIndex={0}>
      <table class="figures">
        <thead><tr>
          {head("label", t("class"))}{head("photos", t("results.photos"))}
          {head("precision", t("results.precision"), t("results.precision.hint"))}
          {head("recall", t("results.recall"), t("results.recall.hint"))}
          {head("f1", "F1", t("results.f1.hint"))}
        </tr></thead>
        <tbody>
          {sorted.map((c) => (
            <tr key={c.label}><th scope="row">{c.label}</th><td class="number">{number(c.photos)}</td>
              <Figure share={c.precision} /><Figure share={c.recall} /><Figure share={c.f1} /></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The pairs that are mixed up most. */
function Confusions({ result, onChoose }: { result: Evaluation; onChoose(truth: number, predicted: number): void }) {
  const pairs = result.confusion.flatMap((row, truth) => row.map((count, predicted) => ({ truth, predicted, count })))
    .filter((p) => p.truth !== p.predicted && p.count > 0).sort((a, b) => b.count - a.count).slice(0, 4);
  if (pairs.length === 0) return <p class="good">{t("results.perfect")}</p>;
  return (
    <ul class="confusions">
      {pairs.map((p) => (
        <li key={`${p.truth},${p.predicted}`}>
          <button type="button" class="confusion" onClick={() => onChoose(p.truth, p.predicted)}>
            <b>{number(p.count)}</b> <span>{t("results.mixed", { truth: result.labels[p.truth] ?? "", predicted: result.labels[p.predicted] ?? "" })}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Headline({ result, onChoose }: { result: Evaluation; onChoose(truth: number, predicted: number): void }) {
  return (
    <section class="card headline" aria-label={t("results.accuracy")}>
      <div class="headline-figure">
        <strong class="huge">{percent(result.accuracy)}</strong>
        <p>{t("results.of", { correct: result.correct, n: result.photos })}</p>
        {result.accuracy !== null && <IntervalBar accuracy={result.accuracy} interval={result.interval_95} />}
        {result.interval_95 && <p class="faint">{t("results.interval", { low: percent(result.interval_95[0]), high: percent(result.interval_95[1]) })}</p>}
      </div>
      <div class="headline-side">
        <h2>{t("results.confusions")}</h2>
        <Confusions result={result} onChoose={onChoose} />
      </div>
    </section>
  );
}

function Ready({ training, result }: { training: string; result: Evaluation }) {
  const { query } = route.value;
  const [mode, setMode] = useState<"count" | "percent">("count");
  const [order, setOrder] = useState<"confident" | "unsure">("confident");
  const gallery = useRef<HTMLElement>(null);
  const index = (key: string) => (query.has(key) && result.labels[Number(query.get(key))] !== undefined ? Number(query.get(key)) : null);
  const truth = index("true");
  const predicted = index("pred");
  const suspects = query.get("show") === "suspects";
  const choose = (tr: number | null, pr: number | null) => {
    setQuery({ true: tr, pred: pr, show: null });
    if (tr !== null) requestAnimationFrame(() => gallery.current?.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth", block: "start" }));
  };
  const heading = truth === null && predicted === null ? t("results.every")
    : truth === predicted ? t("results.cell.right", { truth: result.labels[truth ?? 0] ?? "" })
      : t("results.cell", { truth: truth === null ? "–" : result.labels[truth] ?? "", predicted: predicted === null ? "–" : result.labels[predicted] ?? "" });
  return (
    <>
      <Headline result={result} onChoose={choose} />
      <div class="columns">
        <section class="card" aria-label={t("results.matrix")}>
          <div class="card-head">
            <div><h2>{t("results.matrix")}</h2><p class="faint">{t("results.matrix.hint")}</p></div>
            <Segmented label={t("results.show")} value={mode} onChange={(v) => setMode(v)}
              options={[{ value: "count", text: t("results.counts") }, { value: "percent", text: "%" }]} />
          </div>
          <Matrix labels={result.labels} values={result.confusion} mode={mode} caption={t("results.matrix")}
            chosen={truth !== null && predicted !== null ? [truth, predicted] : null} onChoose={choose} />
        </section>
        <section class="card" aria-label={t("results.classes")}>
          <div class="card-head"><h2>{t("results.classes")}</h2></div>
          <ClassTable classes={result.classes} />
        </section>
      </div>
      <section class="card" ref={gallery} aria-label={t("results.gallery")}>
        <div class="card-head">
          <div>
            <h2>{suspects ? t("results.suspects") : heading}</h2>
            <p class="faint">{suspects ? t("results.suspects.hint") : t("results.gallery.hint")}</p>
          </div>
          <div class="card-tools">
            {!suspects && <Segmented label={t("results.order")} value={order} onChange={(v) => setOrder(v)}
              options={[{ value: "confident", text: t("results.confident") }, { value: "unsure", text: t("results.unsure") }]} />}
            {!suspects && truth !== null && <button type="button" class="button small" onClick={() => choose(null, null)}>{t("results.every")}</button>}
            <Segmented label={t("data.show")} value={suspects ? "suspects" : "photos"} onChange={(v) => setQuery({ show: v === "suspects" ? v : null })}
              options={[{ value: "photos", text: t("results.gallery") }, { value: "suspects", text: t("results.suspects") }]} />
          </div>
        </div>
        {suspects ? <Suspects training={training} labels={result.labels} />
          : <CellGallery training={training} labels={result.labels} truth={truth} predicted={predicted} order={order} />}
      </section>
    </>
  );
}

export default function Results() {
  const training = chosenTraining.value;
  const { value, error } = useFetched(loaded.value && training !== null ? `eval ${training.id} ${training.state}` : null,
    () => getEvaluation(training?.id ?? ""), (answer) => (answer.state === "working" ? 1000 : null));
  const title = t("page.results");
  let body;
  if (!loaded.value) body = <Loading />;
  else if (training === null) {
    body = <Empty stage={0} title={t("results.empty")}><p>{t("results.empty.text")}</p><p><a class="button primary" href={link("train")}>{t("page.train")}</a></p></Empty>;
  } else if (error !== null && value === null) body = <Notice kind="error">{messageOf(error)}</Notice>;
  else if (value === null) body = <Loading />;
  else if (value.state === "working") {
    body = <Loading label={value.total ? t("results.working.of", { done: value.done ?? 0, total: value.total }) : t("results.working")} {...(value.total ? { done: value.done ?? 0, total: value.total } : {})} />;
  } else if (value.state === "ready") body = <Ready training={training.id} result={value} />;
  else {
    body = <Empty stage={1} title={t("results.none")}><p>{value.message ?? training.message ?? t("results.none.text")}</p></Empty>;
  }
  return <Page title={title} lead={training === null ? undefined : t("results.lead", { name: runName(training.name) })} actions={<TrainingChoice />}>{body}</Page>;
}
