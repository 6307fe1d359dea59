// The one place that asks the server. Every function answers a promise that rejects with ApiError;
// a signal aborts it. Nothing here keeps state.

import type {
  Classification, Comparison, Dataset, DrawnPhotos, Evaluation, Folders, GraphLevel, Hist, Job, JobOptions,
  JobPreview, Network, PhotoPage, PhotoProblems, SamplePage, Start, Status, Tags,
} from "./types";
import { parseSeries, type Series } from "./series";

/** What went wrong: `kind` as in the contract, or "offline" when no answer came at all. */
export class ApiError extends Error {
  constructor(readonly kind: string, message: string) {
    super(message);
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

const inPage = (name: string): string =>
  document.querySelector(`meta[name="graft-${name}"]`)?.getAttribute("content") ?? "";
const token = () => inPage("token");

/** The address below api/ with what is set in `query`. */
export function address(path: string, query: Query = {}): string {
  const parts = Object.entries(query)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`);
  return `api/${path}${parts.length > 0 ? `?${parts.join("&")}` : ""}`;
}

async function ask(path: string, query: Query = {}, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address(path, query), { credentials: "same-origin", ...init });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError("offline", String((cause as Error).message ?? cause));
  }
  if (response.ok) return response;
  let kind = "io";
  let message = `${response.status} ${response.statusText}`;
  try {
    const body = (await response.json()) as { error?: { kind?: string; message?: string } };
    kind = body.error?.kind ?? kind;
    message = body.error?.message ?? message;
  } catch {
    // Not JSON: the status line says what there is to say.
  }
  throw new ApiError(kind, message);
}

async function json<T>(path: string, query?: Query, init?: RequestInit): Promise<T> {
  return (await (await ask(path, query, init)).json()) as T;
}

const changing = (method: string, body?: BodyInit): RequestInit => ({
  method,
  headers: { "X-Graft-Token": token() },
  ...(body === undefined ? {} : { body }),
});

export const getStart = () => json<Start>("start");
/** The answer to getStart() that came with the page; null: none did. */
export function startInPage(): Start | null {
  const text = inPage("start");
  return text.startsWith("{") ? (JSON.parse(text) as Start) : null;
}
export const getStatus = () => json<Status>("status");
export const getTags = (run: string) => json<Tags>("tags", { run });
export const getZoo = async () => (await json<{ networks: Network[] }>("zoo")).networks;

export interface SeriesQuery {
  run: string; tag: string; smooth?: number; px?: number; x0?: number; x1?: number;
  axis?: "step" | "wall";
}
export async function getSeries(query: SeriesQuery, signal?: AbortSignal): Promise<Series> {
  const response = await ask("series", { ...query }, signal ? { signal } : {});
  return parseSeries(await response.arrayBuffer());
}
/** Where all points of a curve can be downloaded as text. */
export const seriesFile = (run: string, tag: string, format: "csv" | "json") =>
  address("series", { run, tag, format });

export const getHist = (run: string, tag: string, bins: number, signal?: AbortSignal) =>
  json<Hist>("hist", { run, tag, bins }, signal ? { signal } : {});
export const getGraph = (source: { run?: string; classifier?: string }, scope: string) =>
  json<GraphLevel>("graph", { ...source, scope });

export const getDataset = (training?: string | null) => json<Dataset>("dataset", { training });
export const getPhotos = (query: {
  training?: string | null; class?: number | null; split?: string | null;
  cursor?: string | null; limit: number;
}) => json<PhotoPage>("dataset/images", query);
export const getPhotoProblems = (training?: string | null) =>
  json<PhotoProblems>("dataset/problems", { training });
/** Address of a small copy of a photo whose longer side is at most `size` pixels (32 … 1600). */
export const thumb = (id: string, size = 160) => address(`thumb/${encodeURIComponent(id)}`, { s: size });
export async function getThumb(id: string, size: number): Promise<Blob> {
  return (await ask(`thumb/${encodeURIComponent(id)}`, { s: size })).blob();
}

export const getEvaluation = (training: string) => json<Evaluation>(`eval/${training}`);
export const getSamples = (training: string, query: {
  true?: number | null; pred?: number | null; cursor?: string | null; limit: number;
  order?: "confident" | "unsure";
}) => json<SamplePage>(`eval/${training}/samples`, query);
export const getSuspects = (training: string, cursor: string | null, limit: number) =>
  json<SamplePage>(`eval/${training}/suspects`, { cursor, limit });
export const getComparison = (a: string, b: string) => json<Comparison>("compare", { a, b });

export const getFolders = (path?: string) =>
  json<Folders>("folders", { path }, { headers: { "X-Graft-Token": token() } });
export const drawPhotos = () => json<DrawnPhotos>("sample", {}, changing("POST"));
export const previewJob = (options: JobOptions) =>
  json<JobPreview>("jobs", { preview: 1 }, changing("POST", JSON.stringify({ options })));
export const startJob = (options: JobOptions) =>
  json<Job>("jobs", {}, changing("POST", JSON.stringify({ options })));
export async function stopJob(id: string): Promise<void> {
  await ask(`jobs/${id}`, {}, changing("DELETE"));
}
export const classify = (classifier: string, photo: Blob, cam: boolean, label?: number) =>
  json<Classification>("classify", { classifier, cam: cam ? 1 : null, class: label },
    changing("POST", photo));
