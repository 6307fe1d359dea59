// From nothing to a classifier in four steps; for those who come back, how things stand.

import type { ComponentChildren } from "preact";
import type { Status } from "../api/types";
import { Icon, Seedling, type IconName } from "../app/icons";
import { link } from "../app/router";
import { Bar, IntervalBar, Loading, Page } from "../app/ui";
import { duration, moment, percent, t, type Key } from "../i18n";
import { connection, job, loaded, status, trainings } from "../runs/store";
import { runName } from "./parts/run_name";
import { stageName } from "./parts/stage";

interface Step { key: "data" | "models" | "train" | "try"; icon: IconName; done: boolean; href: string; detail: ComponentChildren; action: string }

function stepsOf(s: Status): Step[] {
  const finished = trainings.value.find((training) => training.state === "finished");
  const running = job.value?.state === "running";
  const best = s.classifiers[0];
  return [
    { key: "data", icon: "photos", done: s.photos !== null, href: s.photos ? link("data") : link("train"),
      detail: s.photos ? t("home.data.done", { photos: s.photos.photos, classes: s.photos.classes }) : t("home.data.text"),
      action: s.photos ? t("home.data.look") : t("home.choose") },
    { key: "models", icon: "network", done: s.installed > 0 || finished !== undefined, href: link("models"),
      detail: s.installed > 0 ? t("home.models.done", { n: s.installed }) : t("home.models.text"), action: t("home.models.look") },
    { key: "train", icon: "train", done: finished !== undefined, href: link("train"),
      detail: running ? t("home.train.running", { stage: stageName(job.value?.stage ?? "") })
        : finished ? t("home.train.done", { n: trainings.value.filter((x) => x.state === "finished").length }) : t("home.train.text"),
      action: running ? t("home.train.watch") : finished ? t("home.train.again") : t("home.train.start") },
    { key: "try", icon: "eye", done: best !== undefined, href: link("try"),
      detail: best ? t("home.try.done", { n: best.labels.length }) : t("home.try.text"), action: t("home.try.go") },
  ];
}

function Steps({ steps }: { steps: Step[] }) {
  const next = steps.findIndex((s) => !s.done && s.key !== "models");
  return (
    <ol class="steps">
      {steps.map((s, i) => (
        <li key={s.key} class={`card step${s.done ? " done" : ""}${i === next ? " next" : ""}`}>
          <span class="step-mark" aria-hidden="true">{s.done ? <Icon name="check" size={20} /> : i + 1}</span>
          <span class="step-icon" aria-hidden="true"><Icon name={s.icon} size={30} /></span>
          <h2>{t(`home.${s.key}`)}{s.done && <span class="sr-only"> – {t("home.ticked")}</span>}</h2>
          <p>{s.detail}</p>
          <a class={i === next || (next < 0 && s.key === "try") ? "button primary" : "button"} href={s.href}>{s.action} <Icon name="arrow" size={16} /></a>
        </li>
      ))}
    </ol>
  );
}

function Newest({ s }: { s: Status }) {
  const n = s.newest;
  if (n === null || n.accuracy === null) return null;
  return (
    <section class="card headline" aria-label={t("home.newest")}>
      <div class="headline-figure">
        <p class="eyebrow">{t("home.newest")}</p>
        <strong class="huge">{percent(n.accuracy)}</strong>
        <p>{t("home.newest.of", { n: n.photos })}</p>
        <IntervalBar accuracy={n.accuracy} interval={n.interval_95} />
        {n.interval_95 && <p class="faint">{t("results.interval", { low: percent(n.interval_95[0]), high: percent(n.interval_95[1]) })}</p>}
      </div>
      <div class="headline-side">
        <h2>{runName(n.name)}</h2>
        <p class="faint">{t(`state.${n.state}` as Key)} · {moment(n.ended)}</p>
        <ul class="link-list">
          <li><a href={link("results", { training: n.training })}><Icon name="arrow" size={16} /> {t("home.see.mistakes")}</a></li>
          <li><a href={link("curves")}><Icon name="arrow" size={16} /> {t("home.see.curves")}</a></li>
          {trainings.value.length > 1 && <li><a href={link("compare")}><Icon name="arrow" size={16} /> {t("home.see.compare")}</a></li>}
        </ul>
      </div>
    </section>
  );
}

function Running() {
  const j = job.value;
  if (j?.state !== "running") return null;
  return (
    <section class="card running" aria-label={t("train.running")}>
      <p><b>{t("train.running")}</b> · {stageName(j.stage)}{j.seconds_left !== null && <span class="faint"> · {t("train.left", { time: duration(j.seconds_left) })}</span>}</p>
      <Bar share={j.total > 0 ? j.done / j.total : 0} label={stageName(j.stage)} />
      <a class="button small" href={link("train")}>{t("home.train.watch")}</a>
    </section>
  );
}

function Problems({ s }: { s: Status }) {
  if (s.problems.length === 0) return null;
  return (
    <section class="card" aria-label={t("home.problems")}>
      <h2>{t("home.problems")}</h2>
      <ul class="problems">
        {s.problems.map((p, i) => <li key={i} class={p.severity}><Icon name="warn" /> <span>{p.message}</span></li>)}
      </ul>
    </section>
  );
}

export default function Home() {
  const s = status.value;
  if (!loaded.value || s === null) {
    return <Page title={t("home.welcome")}>{connection.value === "lost" ? <p>{t("offline")}</p> : <Loading />}</Page>;
  }
  const steps = stepsOf(s);
  const fresh = steps.filter((x) => x.done && x.key !== "models").length === 0;
  return (
    <Page title={fresh ? t("home.welcome") : t("home.title")} lead={fresh ? t("home.welcome.text") : t("home.lead")}
      actions={<Seedling stage={Math.min(3, steps.filter((x) => x.done).length)} />}>
      <Running />
      <Steps steps={steps} />
      <Newest s={s} />
      <Problems s={s} />
      <section class="where" aria-label={t("home.where")}>
        <h2>{t("home.where")}</h2>
        <ul>{s.logdirs.map((d) => <li key={d.path}><code>{d.path}</code>{!d.exists && <span class="chip">{t("curves.empty.missing")}</span>}</li>)}</ul>
        {s.live === "polling" && <p class="faint">{t("live.polling.text", { reason: s.live_reason ?? "" })}</p>}
      </section>
    </Page>
  );
}
