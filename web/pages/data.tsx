// The photos: how many of each class in which split, all of them to look at, and what is wrong.

import { getDataset, getPhotoProblems, getPhotos } from "../api/http";
import type { Dataset, Photo, PhotoClass, PhotoProblem, Split } from "../api/types";
import { Icon } from "../app/icons";
import { link, route, setQuery } from "../app/router";
import { Empty, Loading, messageOf, Notice, Page, Segmented } from "../app/ui";
import { useFetched } from "../app/use";
import { number, t, type Key } from "../i18n";
import { loaded } from "../runs/store";
import { Gallery } from "./parts/gallery";
import { usePages } from "./parts/pages_of";
import { chosenTraining, TrainingChoice } from "./parts/training_choice";

const SPLITS: Split[] = ["training", "validation", "testing"];
const PAGE = 200;
const SMALL_CLASS = 20; // fewer photos than this teach little
const splitName = (split: Split | null) => (split === null ? t("split.none") : t(`split.${split}` as Key));
const count = (c: PhotoClass) => c.training + c.validation + c.testing;

function ClassBars({ data, chosen, onChoose }: { data: Dataset; chosen: number | null; onChoose(index: number | null): void }) {
  const most = Math.max(1, ...data.classes.map(count));
  return (
    <section class="card" aria-label={t("data.classes")}>
      <div class="card-head">
        <h2>{t("data.classes")}</h2>
        <ul class="legend">
          {SPLITS.map((split) => <li key={split}><span class={`key ${split}`} aria-hidden="true" />{splitName(split)}</li>)}
        </ul>
      </div>
      <ul class="class-bars">
        {data.classes.map((c) => (
          <li key={c.index}>
            <button type="button" class="class-bar" aria-pressed={chosen === c.index}
              onClick={() => onChoose(chosen === c.index ? null : c.index)}>
              <span class="class-name">{c.label}</span>
              <span class="class-track"><span class="class-fill" style={{ width: `${(count(c) / most) * 100}%` }}>
                {SPLITS.map((split) => c[split] > 0 && <span key={split} class={split} style={{ flexGrow: c[split] }} />)}
              </span></span>
              <span class="class-count">{number(count(c))}<span class="sr-only">{t("data.class.label", { training: c.training, validation: c.validation, testing: c.testing })}</span>{count(c) < SMALL_CLASS && <span class="chip warning">{t("data.few")}</span>}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

const ICONS: Record<string, "photos" | "warn" | "copy"> = { duplicate: "copy", near_duplicate: "copy", skipped: "photos" };

function ProblemGroup({ kind, list, labels }: { kind: string; list: PhotoProblem[]; labels: string[] }) {
  const known = ["tiny_class", "unreadable", "corrupt", "duplicate", "near_duplicate", "wrong_extension", "skipped"];
  return (
    <details class="problem" open={list.length <= 3}>
      <summary>
        <Icon name={ICONS[kind] ?? "warn"} />
        <span class="problem-name">{known.includes(kind) ? t(`problem.${kind}` as Key) : kind}</span>
        <span class="chip">{number(list.length)}</span>
      </summary>
      {known.includes(kind) && <p class="faint">{t(`problem.${kind}.hint` as Key)}</p>}
      <ul class="problem-list">
        {list.slice(0, 100).map((p, i) => (
          <li key={i}>
            <p>{p.message}</p>
            {p.images.length > 0 && (
              <Gallery items={p.images} total={p.images.length} size={110} captionHeight={34} label={p.message}
                describe={(image: Photo) => image.file}
                caption={(image) => <><span class="ellipsis">{labels[image.class] ?? ""}</span><span class="faint">{splitName(image.split)}</span></>} />
            )}
          </li>
        ))}
      </ul>
      {list.length > 100 && <p class="faint">{t("curves.more", { n: list.length - 100 })}</p>}
    </details>
  );
}

function Problems({ training, labels }: { training: string | null; labels: string[] }) {
  const { value, error } = useFetched(`problems ${training}`, () => getPhotoProblems(training),
    (answer) => (answer.state === "working" ? 1000 : null));
  if (error !== null) return <Notice kind="error">{messageOf(error)}</Notice>;
  if (value === null) return <Loading />;
  const kinds = [...new Set(value.problems.map((p) => p.kind))];
  return (
    <section class="card" aria-label={t("data.problems")}>
      <div class="card-head"><h2>{t("data.problems")}</h2></div>
      {value.state === "working" && <Loading done={value.done} total={value.total} label={t("data.problems.working", { done: value.done, total: value.total })} />}
      {value.state === "failed" && <Notice kind="error">{value.message}</Notice>}
      {value.state === "ready" && kinds.length === 0 && <p class="good"><Icon name="check" /> {t("data.problems.none")}</p>}
      {kinds.map((kind) => <ProblemGroup key={kind} kind={kind} labels={labels} list={value.problems.filter((p) => p.kind === kind)} />)}
    </section>
  );
}

function Photos({ data, training, klass, split }: { data: Dataset; training: string | null; klass: number | null; split: Split | null }) {
  const pages = usePages<Photo>(`${training} ${klass} ${split}`, async (cursor) => {
    const page = await getPhotos({ training, class: klass, split, cursor, limit: PAGE });
    return { items: page.images, next: page.next, total: page.total };
  });
  const labels = data.classes.map((c) => c.label);
  const name = klass === null ? t("data.all") : labels[klass] ?? "";
  return (
    <section class="card" aria-label={t("data.photos")}>
      <div class="card-head">
        <h2>{name} <span class="faint count">{t("photos", { n: pages.total })}</span></h2>
        <Segmented label={t("data.split")} value={split ?? "all"} onChange={(v) => setQuery({ split: v === "all" ? null : v })}
          options={[{ value: "all", text: t("data.split.all") }, ...SPLITS.map((s) => ({ value: s as string, text: splitName(s) }))]} />
      </div>
      {pages.error !== null && <Notice kind="error">{messageOf(pages.error)}</Notice>}
      {pages.loading && pages.items.length === 0 && <Loading />}
      <Gallery items={pages.items} total={pages.total} more={pages.more} label={t("data.photos")}
        describe={(p) => `${p.file}, ${splitName(p.split)}`}
        captionHeight={26} caption={(p) => <><span class={`key ${p.split ?? ""}`} aria-hidden="true" /><span class="ellipsis">{labels[p.class] ?? ""}</span></>}
        detail={(p) => <p>{labels[p.class] ?? ""} · {splitName(p.split)}</p>} />
    </section>
  );
}

export default function DataPage() {
  const training = chosenTraining.value?.id ?? null;
  const { value: data, error } = useFetched(loaded.value ? `dataset ${training}` : null, () => getDataset(training),
    (answer) => (answer.state === "scanning" ? 700 : null));
  const { query } = route.value;
  const klass = query.has("class") ? Number(query.get("class")) : null;
  const split = SPLITS.find((s) => s === query.get("split")) ?? null;
  const title = t("page.data");
  if (error !== null && data === null) return <Page title={title}><Notice kind="error">{messageOf(error)}</Notice></Page>;
  if (data === null) return <Page title={title}><Loading /></Page>;
  if (data.state === "none") {
    return (
      <Page title={title}>
        <Empty stage={0} title={t("data.empty")}>
          <p>{t("data.empty.text")}</p>
          <pre class="tree">{t("data.empty.tree")}</pre>
          <p><a class="button primary" href={link("train")}>{t("home.choose")}</a></p>
        </Empty>
      </Page>
    );
  }
  const problems = query.get("show") === "problems";
  return (
    <Page title={title} actions={<TrainingChoice />}
      lead={<>{t("data.lead", { photos: data.photos, classes: data.classes.length })} <code>{data.image_dir}</code></>}>
      {data.state === "failed" && <Notice kind="error">{data.message}</Notice>}
      {data.state === "scanning" && <Loading label={t("data.scanning")} />}
      {data.skipped > 0 && !problems && <Notice kind="warning">{t("data.skipped", { n: data.skipped })} <button type="button" class="link" onClick={() => setQuery({ show: "problems" })}>{t("data.problems.show")}</button></Notice>}
      <ClassBars data={data} chosen={klass} onChoose={(index) => setQuery({ class: index, show: null })} />
      <div class="tabs">
        <Segmented label={t("data.show")} value={problems ? "problems" : "photos"} onChange={(v) => setQuery({ show: v === "problems" ? v : null })}
          options={[{ value: "photos", text: t("data.photos") }, { value: "problems", text: t("data.problems") }]} />
      </div>
      {problems ? <Problems training={training} labels={data.classes.map((c) => c.label)} />
        : data.state === "ready" && <Photos data={data} training={training} klass={klass} split={split} />}
    </Page>
  );
}
