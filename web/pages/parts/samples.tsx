// Photos that the classifier judged: what it says and how sure it is, beside what the folder says.

import { getSamples, getSuspects } from "../../api/http";
import type { Sample } from "../../api/types";
import { Loading, messageOf, Notice } from "../../app/ui";
import { percent, t } from "../../i18n";
import { Gallery } from "./gallery";
import { usePages, type Pages } from "./pages_of";

const PAGE = 60;

export function SampleGallery({ samples, total, more, labels, label }: {
  samples: Sample[]; total: number; more?(): void; labels: string[]; label: string;
}) {
  const name = (index: number) => labels[index] ?? String(index);
  return (
    <Gallery items={samples} total={total} {...(more ? { more } : {})} label={label} captionHeight={44} size={140}
      describe={(s) => s.file}
      caption={(s) => (
        <>
          <span class={s.truth === s.predicted ? "verdict right" : "verdict wrong"}><span class="ellipsis">{name(s.predicted)}</span> <b>{percent(s.score, 0)}</b></span>
          <span class="faint ellipsis">{s.truth === s.predicted ? t("sample.right") : t("sample.is", { truth: name(s.truth), score: percent(s.truth_score, 0) })}</span>
        </>
      )}
      detail={(s) => <p>{t("sample.detail", { truth: name(s.truth), predicted: name(s.predicted), score: percent(s.score), truth_score: percent(s.truth_score) })}</p>} />
  );
}

function PagedSamples({ pages, labels, label, none }: { pages: Pages<Sample>; labels: string[]; label: string; none: string }) {
  if (pages.error !== null) return <Notice kind="error">{messageOf(pages.error)}</Notice>;
  if (pages.state === "failed") return <Notice kind="error">{pages.message ?? t("results.none.text")}</Notice>;
  if (pages.state === "working") return <Loading label={t("results.working")} />;
  if (pages.loading && pages.items.length === 0) return <Loading />;
  if (pages.total === 0) return <p class="faint nothing">{none}</p>;
  return <SampleGallery samples={pages.items} total={pages.total} more={pages.more} labels={labels} label={label} />;
}

export function CellGallery({ training, labels, truth, predicted, order }: {
  training: string; labels: string[]; truth: number | null; predicted: number | null; order: "confident" | "unsure";
}) {
  const pages = usePages<Sample>(`${training} ${truth} ${predicted} ${order}`, async (cursor) => {
    const page = await getSamples(training, { true: truth, pred: predicted, cursor, limit: PAGE, order });
    return { items: page.samples, next: page.next, total: page.total, state: page.state, message: page.message ?? null };
  });
  return <PagedSamples pages={pages} labels={labels} label={t("results.gallery")} none={t("results.cell.none")} />;
}

export function Suspects({ training, labels }: { training: string; labels: string[] }) {
  const pages = usePages<Sample>(`suspects ${training}`, async (cursor) => {
    const page = await getSuspects(training, cursor, PAGE);
    return { items: page.samples, next: page.next, total: page.total, state: page.state, message: page.message ?? null };
  });
  return <PagedSamples pages={pages} labels={labels} label={t("results.suspects")} none={t("results.suspects.none")} />;
}
