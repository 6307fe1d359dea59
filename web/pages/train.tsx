// Training from the page: choose, start, watch; with the command that does the same in a terminal.

import { useEffect, useRef, useState } from "preact/hooks";
import { drawPhotos, getZoo, previewJob, startJob, stopJob } from "../api/http";
import type { Job, JobOptions, JobPreview, Network } from "../api/types";
import { Icon } from "../app/icons";
import { link, route } from "../app/router";
import { Bar, Loading, messageOf, Notice, Page } from "../app/ui";
import { useFetched, useSettled } from "../app/use";
import { duration, number, percent, t, type Key } from "../i18n";
import { kept } from "../runs/settings";
import { job, loaded, runs, status, trainings } from "../runs/store";
import { ChartCard } from "./parts/chart_card";
import { Command } from "./parts/command";
import { FolderChoice } from "./parts/folder_choice";
import { isBuiltIn } from "./parts/network";
import { stageName } from "./parts/stage";

interface Form {
  image_dir: string; architecture: string; how_many_training_steps: number; learning_rate: number;
  train_batch_size: number; validation_percentage: number; testing_percentage: number;
  flip_left_right: boolean; random_crop: number; random_brightness: number;
}

const DEFAULTS: Form = {
  image_dir: "", architecture: "", how_many_training_steps: 500, learning_rate: 0.01, train_batch_size: 100,
  validation_percentage: 10, testing_percentage: 10, flip_left_right: false, random_crop: 0, random_brightness: 0,
};
const ALWAYS: (keyof Form)[] = ["image_dir", "architecture", "how_many_training_steps"];
/** Versions of each photo where photos are varied: enough to learn from, and done in minutes. */
const VARIANTS = 8;
const form = kept<Form>("train.form", DEFAULTS);

function optionsOf(f: Form): JobOptions {
  const options: JobOptions = {};
  for (const key of Object.keys(DEFAULTS) as (keyof Form)[]) {
    if (f[key] !== "" && (ALWAYS.includes(key) || f[key] !== DEFAULTS[key])) options[key] = f[key];
  }
  if (f.flip_left_right || f.random_crop > 0 || f.random_brightness > 0) options["augment_cache"] = VARIANTS;
  return options;
}

const set = (part: Partial<Form>) => (form.value = { ...form.value, ...part });

function NumberField({ name, label, hint, min, max, step }: { name: keyof Form; label: string; hint?: string; min: number; max?: number; step: number }) {
  return (
    <label class="field">
      <span>{label}</span>
      <input type="number" value={String(form.value[name])} min={min} max={max} step={step} inputMode="decimal"
        onInput={(e) => { if (Number.isFinite(e.currentTarget.valueAsNumber)) set({ [name]: e.currentTarget.valueAsNumber }); }} />
      {hint && <span class="faint">{hint}</span>}
    </label>
  );
}

function NetworkField({ zoo }: { zoo: Network[] }) {
  const groups: [string, Network[]][] = [
    [t("models.installed"), zoo.filter((n) => n.installed !== null)],
    [t("models.not"), zoo.filter((n) => n.installed === null && !isBuiltIn(n))],
    [t("models.builtin"), zoo.filter(isBuiltIn)],
  ];
  const chosen = zoo.find((n) => n.architecture === form.value.architecture);
  return (
    <label class="field">
      <span>{t("train.network")}</span>
      <select value={form.value.architecture} onChange={(e) => set({ architecture: e.currentTarget.value })}>
        {groups.filter(([, list]) => list.length > 0).map(([name, list]) => (
          <optgroup key={name} label={name}>
            {list.map((n) => <option key={n.architecture} value={n.architecture}>{n.architecture}</option>)}
          </optgroup>
        ))}
      </select>
      <span class="faint">{chosen && (chosen.top1 === null ? t("train.network.plain", { madds: chosen.multiply_adds_m, mb: chosen.file_mb })
        : t("train.network.hint", { top1: number(chosen.top1, 1), madds: chosen.multiply_adds_m, mb: chosen.file_mb }))}{" "}
        {chosen && chosen.installed === null && !isBuiltIn(chosen) && `${t("train.network.away")} `}
        <a href={link("models")}>{t("home.models.look")}</a></span>
    </label>
  );
}

function FormCard({ zoo }: { zoo: Network[] }) {
  const [choosing, setChoosing] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [starting, setStarting] = useState(false);
  const [drawing, setDrawing] = useState(false);
  const key = useSettled(JSON.stringify(optionsOf(form.value)), 250);
  const preview = useFetched<JobPreview>(`preview ${key}`, () => previewJob(JSON.parse(key) as JobOptions));
  const problems = preview.value?.problems ?? [];
  const begin = async () => {
    setStarting(true);
    setError(null);
    try {
      job.value = { ...(await startJob(optionsOf(form.value))) };
    } catch (cause) {
      setError(cause);
    }
    setStarting(false);
  };
  const draw = async () => {
    setDrawing(true);
    setError(null);
    try {
      set({ image_dir: (await drawPhotos()).path });
    } catch (cause) {
      setError(cause);
    }
    setDrawing(false);
  };
  return (
    <section class="card form" aria-label={t("train.form")}>
      <div class="field">
        <label for="image-dir">{t("train.folder")}</label>
        <div class="with-button">
          <input id="image-dir" type="text" value={form.value.image_dir} placeholder="tf_files/flower_photos" spellcheck={false} autocomplete="off"
            onInput={(e) => set({ image_dir: e.currentTarget.value })} />
          <button type="button" class="button" onClick={() => setChoosing(true)}><Icon name="folder" /> {t("train.browse")}</button>
        </div>
        <span class="faint">{t("train.folder.hint")}{" "}
          {form.value.image_dir === "" && <button type="button" class="link" disabled={drawing} onClick={() => void draw()}>{t(drawing ? "train.drawing" : "train.draw")}</button>}</span>
      </div>
      <div class="field-row">
        <NetworkField zoo={zoo} />
        <NumberField name="how_many_training_steps" label={t("train.steps")} hint={t("train.steps.hint")} min={1} step={100} />
      </div>
      <details class="fold plain">
        <summary>{t("train.more")}</summary>
        <div class="field-grid">
          <NumberField name="learning_rate" label={t("train.rate")} min={0.0001} step={0.001} />
          <NumberField name="train_batch_size" label={t("train.batch")} min={1} step={10} />
          <NumberField name="validation_percentage" label={t("train.validation")} min={0} max={90} step={1} />
          <NumberField name="testing_percentage" label={t("train.testing")} min={0} max={90} step={1} />
          <NumberField name="random_crop" label={t("train.crop")} min={0} max={90} step={5} />
          <NumberField name="random_brightness" label={t("train.brightness")} min={0} max={90} step={5} />
          <label class="toggle"><input type="checkbox" role="switch" checked={form.value.flip_left_right} onChange={(e) => set({ flip_left_right: e.currentTarget.checked })} /><span>{t("train.flip")}</span></label>
        </div>
        <p class="faint">{t("train.distort", { n: VARIANTS })}</p>
      </details>
      <Command text={preview.value?.command ?? null} />
      {form.value.image_dir !== "" && problems.map((p) => <Notice key={p} kind="warning">{p}</Notice>)}
      {preview.error !== null && <Notice kind="error">{messageOf(preview.error)}</Notice>}
      {error !== null && <Notice kind="error">{messageOf(error)}</Notice>}
      <button type="button" class="button primary large" disabled={starting || form.value.image_dir === "" || problems.length > 0} onClick={() => void begin()}>
        <Icon name="train" /> {t("train.start")}
      </button>
      {choosing && <FolderChoice start={form.value.image_dir} onClose={() => setChoosing(false)} onChoose={(path) => { set({ image_dir: path }); setChoosing(false); }} />}
    </section>
  );
}

function Log({ lines }: { lines: string[] }) {
  const box = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.length, lines[lines.length - 1]]);
  return (
    <pre ref={box} class="log" role="log" aria-label={t("train.log")} tabIndex={0}
      onScroll={(e) => { const b = e.currentTarget; follows.current = b.scrollTop + b.clientHeight > b.scrollHeight - 30; }}>{lines.join("\n")}</pre>
  );
}

function Progress({ j }: { j: Job }) {
  const [error, setError] = useState<unknown>(null);
  const running = j.state === "running";
  const training = trainings.value.find((x) => x.id === j.training);
  const mine = training === undefined ? [] : runs.value.filter((run) => run.group === training.group);
  const stop = () => stopJob(j.id).catch(setError);
  return (
    <section class={`card progress ${j.state}`} aria-label={t("train.progress")}>
      <div class="card-head">
        <h2 aria-live="polite">{running ? `${t("train.running")} · ${stageName(j.stage)}` : t(`state.${j.state}` as Key)}</h2>
        {running && <button type="button" class="button" onClick={() => void stop()}><Icon name="stop" /> {t("train.stop")}</button>}
      </div>
      {running && (
        <>
          <Bar share={j.total > 0 ? j.done / j.total : 0} label={stageName(j.stage)} />
          <p class="faint">{t("train.of", { done: Math.round(j.done), total: j.total })}{j.seconds_left !== null && ` · ${t("train.left", { time: duration(j.seconds_left) })}`}</p>
        </>
      )}
      {error !== null && <Notice kind="error">{messageOf(error)}</Notice>}
      {j.state === "finished" && (
        <div class="finished">
          <span class="finished-mark" aria-hidden="true"><Icon name="check" size={34} /></span>
          <div>
            {training?.accuracy !== null && training !== undefined && <p class="finished-figure">{t("train.finished", { accuracy: percent(training.accuracy) })}</p>}
            <p class="finished-links"><a class="button primary" href={link("try", { classifier: training?.classifier })}>{t("home.try.go")} <Icon name="arrow" size={16} /></a> <a class="button" href={link("results", { training: training?.id })}>{t("home.see.mistakes")}</a></p>
          </div>
        </div>
      )}
      {j.state === "failed" && <Notice kind="error">{j.log[j.log.length - 1] ?? t("train.failed", { code: j.exit_code ?? 1 })}</Notice>}
      {mine.length > 0 && <div class="chart-grid two"><ChartCard tag="accuracy_1" runs={mine} /><ChartCard tag="cross_entropy_1" runs={mine} /></div>}
      <details class="fold plain" open={running || j.state === "failed"}><summary>{t("train.log")}</summary><Log lines={j.log} /></details>
    </section>
  );
}

export default function Train() {
  const zoo = useFetched("zoo", getZoo);
  const wanted = route.value.query.get("architecture");
  useEffect(() => {
    const list = zoo.value;
    if (list === null || status.value === null) return;
    const known = (name: string) => list.some((n) => n.architecture === name);
    const usual = list.find((n) => n.architecture === "mobilenet_0.50_224" && n.installed !== null) ??
      list.find((n) => n.installed !== null && !n.quantized) ?? list.find((n) => n.architecture === "mobilenet_0.50_224");
    if (wanted !== null && known(wanted)) set({ architecture: wanted });
    else if (!known(form.value.architecture)) set({ architecture: usual?.architecture ?? "" });
    if (form.value.image_dir === "" && status.value.photos) set({ image_dir: status.value.photos.image_dir });
  }, [zoo.value, wanted, loaded.value]);
  const j = job.value;
  return (
    <Page title={t("page.train")} lead={t("train.lead")}>
      {j?.state === "running" && <Progress j={j} />}
      {zoo.error !== null && <Notice kind="error">{messageOf(zoo.error)}</Notice>}
      {zoo.value === null && zoo.loading && <Loading />}
      {j !== null && j.state !== "running" && <Progress j={j} />}
      {zoo.value !== null && j?.state !== "running" && <FormCard zoo={zoo.value} />}
    </Page>
  );
}
