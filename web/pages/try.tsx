// Try a classifier: a photo in, what it sees and where it looked out.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { classify, getPhotos, getThumb, thumb } from "../api/http";
import type { Classification, Classifier, Photo } from "../api/types";
import { Icon } from "../app/icons";
import { link, route, setQuery } from "../app/router";
import { Empty, Loading, messageOf, Notice, Page, Select } from "../app/ui";
import { useFetched } from "../app/use";
import { drawHeat } from "../charts/heat_map";
import { number, percent, t } from "../i18n";
import { kept } from "../runs/settings";
import { loaded, status } from "../runs/store";
import { Camera, ChooseFile, LARGEST_BYTES, useDroppedPhotos } from "./parts/photo_source";

const opacity = kept("try.opacity", 0.7);
const SHOWN_SCORES = 8;

function Scores({ answer, chosen, cam, onChoose }: {
  answer: Classification; chosen: number | null; cam: boolean; onChoose(index: number): void;
}) {
  const order = answer.scores.slice(0, SHOWN_SCORES);
  return (
    <ol class="scores" aria-label={t("try.scores")}>
      {order.map((s, rank) => (
        <li key={s.label} class={rank === 0 ? "best" : ""}>
          <button type="button" class="score" disabled={!cam} aria-pressed={cam ? chosen === rank : undefined}
            title={cam ? t("try.why", { label: s.label }) : undefined} onClick={() => onChoose(rank)}>
            <span class="score-name">{s.label}</span>
            <span class="score-figure">{percent(s.score)}</span>
            <span class="score-track" aria-hidden="true"><span style={{ width: `${s.score * 100}%` }} /></span>
          </button>
        </li>
      ))}
      {answer.scores.length > order.length && <li class="faint">{t("curves.more", { n: answer.scores.length - order.length })}</li>}
    </ol>
  );
}

/** The photo's pixels; what the browser can show but not decode apart (SVG) by way of an image. */
async function decode(photo: Blob, options?: ImageBitmapOptions): Promise<ImageBitmap | HTMLImageElement> {
  try {
    return await createImageBitmap(photo, options);
  } catch {
    const url = URL.createObjectURL(photo);
    try {
      const image = new Image();
      image.src = url;
      await image.decode();
      return image;
    } finally {
      URL.revokeObjectURL(url);
    }
  }
}

/** The photo as the browser shows it; turned back when the classifier saw it without its EXIF turn. */
function Picture({ photo, answer, heat }: { photo: Blob; answer: Classification | null; heat: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const [shown, setShown] = useState<"no" | "yes" | "never">("no");
  useEffect(() => {
    let over = false;
    const draw = async () => {
      let bitmap = await decode(photo);
      const turned = answer !== null && answer.width !== answer.height &&
        (bitmap.width > bitmap.height) !== (answer.width > answer.height);
      if (turned) bitmap = await decode(photo, { imageOrientation: "none" });
      const target = canvas.current;
      if (over || target === null) return;
      const longer = Math.max(bitmap.width, bitmap.height);
      const scale = longer > 1200 ? 1200 / longer : Math.max(1, Math.min(2.5, 800 / longer));
      target.width = Math.round(bitmap.width * scale);
      target.height = Math.round(bitmap.height * scale);
      target.getContext("2d")?.drawImage(bitmap, 0, 0, target.width, target.height);
      setShown("yes");
    };
    draw().catch(() => { if (!over) setShown("never"); });
    return () => { over = true; };
  }, [photo, answer?.width, answer?.height]);
  const cam = heat ? answer?.cam ?? null : null;
  useEffect(() => {
    if (map.current !== null && cam !== null && answer !== null) drawHeat(map.current, cam, answer.width / answer.height);
  }, [cam, shown]);
  const label = answer === null ? t("try.photo") : t("try.photo.label", { label: answer.scores[0]?.label ?? "", score: percent(answer.scores[0]?.score) });
  return (
    <div class="picture">
      {shown === "never" && <p class="faint picture-none">{t("try.undrawn")}</p>}
      <div class="photo-stack" hidden={shown === "never"}>
        <canvas ref={canvas} role="img" aria-label={label} />
        {cam !== null && shown === "yes" && <canvas ref={map} class="heat" aria-hidden="true" style={{ opacity: String(opacity.value) }} />}
      </div>
    </div>
  );
}

function Samples({ take }: { take(photo: Blob): void }) {
  const { value } = useFetched(status.value?.photos ? "try samples" : null, () => getPhotos({ split: "testing", limit: 200 }));
  const [seed] = useState(Math.random());
  const all = value?.images ?? [];
  if (all.length === 0) return null;
  const stride = Math.max(1, Math.floor(all.length / 6));
  const start = Math.floor(seed * stride);
  const chosen: Photo[] = Array.from({ length: 6 }, (_, i) => all[start + i * stride]).filter((p): p is Photo => p !== undefined);
  return (
    <section class="samples" aria-label={t("try.samples")}>
      <p class="faint">{t("try.samples")}</p>
      <ul>
        {chosen.map((p) => (
          <li key={p.id}>
            <button type="button" class="sample" aria-label={t("try.sample", { file: p.file })}
              onClick={() => void getThumb(p.id, 1600).then(take, () => undefined)}>
              <img src={thumb(p.id, 160)} alt="" loading="lazy" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Workbench({ classifier }: { classifier: Classifier }) {
  const [photo, setPhoto] = useState<Blob | null>(null);
  const [answer, setAnswer] = useState<Classification | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [camera, setCamera] = useState(false);
  const [busy, setBusy] = useState(false);
  const [heat, setHeat] = useState(true);
  const turn = useRef(0);

  const ask = async (blob: Blob, label?: number) => {
    const mine = ++turn.current;
    setBusy(true);
    try {
      const next = await classify(classifier.id, blob, classifier.cam, label);
      if (mine !== turn.current) return;
      setAnswer(next);
      setError(null);
    } catch (cause) {
      if (mine === turn.current) {
        setError(messageOf(cause));
        if (!camera) setAnswer(null);
      }
    }
    if (mine === turn.current) setBusy(false);
  };
  const take = useCallback((blob: Blob) => {
    setCamera(false);
    if (blob.size > LARGEST_BYTES) {
      setError(t("try.large", { mb: Math.round(blob.size / 1048576) }));
      return;
    }
    setError(null);
    setAnswer(null);
    setPhoto(blob);
    void ask(blob);
  }, [classifier.id]);
  const over = useDroppedPhotos(take);
  useEffect(() => {
    if (photo !== null) void ask(photo);
  }, [classifier.id]);

  const camClass = answer?.cam?.class ?? null;
  const camLabel = camClass === null ? null : classifier.labels[camClass] ?? null;
  const chosen = camLabel === null || answer === null ? null : answer.scores.findIndex((s) => s.label === camLabel);
  const best = answer?.scores[0];
  return (
    <div class="try">
      <section class={`card stage${over ? " over" : ""}${photo !== null || camera ? " filled" : ""}`} aria-label={t("try.photo")}>
        {camera ? (
          <div class="picture"><Camera take={(frame) => ask(frame)} onError={(m) => { setCamera(false); setError(m); }} /></div>
        ) : photo !== null ? <Picture photo={photo} answer={answer} heat={heat} /> : (
          <div class="drop">
            <Icon name="photos" size={44} />
            <p class="drop-title">{t("try.drop")}</p>
            <p class="faint">{t("try.paste")}</p>
          </div>
        )}
        <div class="stage-tools">
          <ChooseFile take={take} />
          <button type="button" class="button" aria-pressed={camera} onClick={() => { setAnswer(null); setError(null); setCamera(!camera); }}>
            <Icon name={camera ? "stop" : "camera"} /> {camera ? t("try.camera.stop") : t("try.camera")}
          </button>
          {classifier.cam && photo !== null && !camera && (
            <div class="heat-tools">
              <label class="toggle"><input type="checkbox" role="switch" checked={heat} onChange={(e) => setHeat(e.currentTarget.checked)} /><span>{t("try.heat")}</span></label>
              <label class="slider"><span class="sr-only">{t("try.opacity")}</span>
                <input type="range" min="0" max="1" step="0.05" value={opacity.value} disabled={!heat} aria-label={t("try.opacity")}
                  onInput={(e) => (opacity.value = Number(e.currentTarget.value))} /></label>
            </div>
          )}
        </div>
        <Samples take={take} />
      </section>
      <section class="card answer" aria-label={t("try.answer")} aria-busy={busy}>
        {error !== null && <Notice kind="error">{error}</Notice>}
        {answer === null && error === null && (busy ? <Loading label={t("try.looking")} /> : (
          <div class="answer-none"><p>{t("try.none")}</p><ul class="label-cloud">{classifier.labels.slice(0, 30).map((l) => <li key={l}>{l}</li>)}</ul></div>
        ))}
        {answer !== null && best && (
          <>
            <p class="answer-head" aria-live={camera ? "off" : "polite"}><span class="answer-label">{best.label}</span> <span class="answer-score">{percent(best.score)}</span></p>
            <Scores answer={answer} chosen={chosen} cam={classifier.cam && !camera && photo !== null}
              onChoose={(rank) => {
                const index = classifier.labels.indexOf(answer.scores[rank]?.label ?? "");
                if (photo !== null && index >= 0) {
                  setHeat(true);
                  void ask(photo, index);
                }
              }} />
            {heat && camLabel !== null && !camera && photo !== null && <p class="faint">{t("try.heat.text", { label: camLabel })}</p>}
            <p class="timing"><b>{number(answer.milliseconds.total, 1)} ms</b> <span class="faint">{t("try.ms", {
              decode: number(answer.milliseconds.decode, 1), network: number(answer.milliseconds.network, 1) })} · {answer.width} × {answer.height}</span></p>
          </>
        )}
      </section>
    </div>
  );
}

export default function Try() {
  const list = status.value?.classifiers ?? [];
  const wanted = route.value.query.get("classifier");
  const classifier = list.find((c) => c.id === wanted) ?? list[0];
  const title = t("page.try");
  if (!loaded.value) return <Page title={title}><Loading /></Page>;
  if (classifier === undefined) {
    return <Page title={title}><Empty stage={2} title={t("try.empty")}><p>{t("try.empty.text")}</p><p><a class="button primary" href={link("train")}>{t("page.train")}</a></p></Empty></Page>;
  }
  return (
    <Page title={title} lead={t("try.lead", { n: classifier.labels.length, architecture: classifier.architecture })}
      actions={list.length > 1 && <Select label={t("try.classifier")} value={classifier.id} onChange={(id) => setQuery({ classifier: id })}
        options={list.map((c) => ({ value: c.id, text: `${c.name} · ${c.architecture}` }))} />}>
      <Workbench classifier={classifier} />
    </Page>
  );
}
