// What the server answers, as docs/board_api/README.md describes it. Times of runs are seconds since
// 1970, times of trainings are ISO 8601 text; a number that was NaN or infinite arrives as null.

export interface Logdir { name: string; path: string; exists: boolean }
export interface Problem { severity: "error" | "warning"; message: string; run: string | null }
export type Interval = [number, number];

export interface Classifier {
  id: string; name: string; file: string; architecture: string; labels: string[];
  training: string | null; cam: boolean;
}

export interface Newest {
  training: string; name: string; state: string; accuracy: number | null;
  interval_95: Interval | null; photos: number; ended: string | null;
}

export interface Status {
  version: string;
  logdirs: Logdir[];
  live: "inotify" | "polling";
  live_reason: string | null;
  runs: number;
  newest: Newest | null;
  photos: { image_dir: string; photos: number; classes: number } | null;
  installed: number;
  classifiers: Classifier[];
  job: string | null;
  problems: Problem[];
}

export interface Run {
  id: string; name: string; group: string; kind: "train" | "validation" | "other";
  started: number | null; updated: number | null; last_step: number | null;
  events: number; damaged: number; restarts: number;
}

export interface Training {
  id: string; name: string; group: string; state: string; message: string | null;
  architecture: string; started: string | null; ended: string | null; labels: string[];
  splits: { training: number; validation: number; testing: number } | null;
  steps: number; accuracy: number | null; interval_95: Interval | null; photos_tested: number;
  image_dir: string; classifier: string | null;
}

export interface ScalarTag { tag: string; points: number; last_step: number; last_value: number | null }
export interface BlobTag { tag: string; points: number }
export interface Tags {
  scalars: ScalarTag[]; histograms: BlobTag[]; images: BlobTag[]; texts: BlobTag[]; graph: boolean;
}

/** What a page has to know before it can show anything. */
export interface Start {
  /** The id of the event that was pushed last. */
  event: string;
  status: Status; runs: Run[]; trainings: Training[]; job: Job | null;
  /** By run; of very many runs not all are here. */
  tags: Record<string, Tags>;
}

export interface Hist {
  steps: number[]; walls: number[]; edges: number[]; counts: number[][];
  percentiles: { p: number[]; values: (number | null)[][] };
}

export interface GraphNode {
  name: string; op: string; scope: boolean; nodes: number; shape: string;
  x: number; y: number; w: number; h: number;
}
export interface GraphEdge { from: string; to: string; points: [number, number][] }
export interface GraphLevel {
  scope: string; nodes: GraphNode[]; edges: GraphEdge[]; width: number; height: number;
}

export type Split = "training" | "validation" | "testing";
export interface PhotoClass {
  index: number; label: string; folder: string; training: number; validation: number; testing: number;
}
export interface Dataset {
  state: "none" | "scanning" | "ready" | "failed"; message: string | null; training: string | null;
  image_dir: string; classes: PhotoClass[]; skipped: number; photos: number;
}
export interface Photo { id: string; file: string; class: number; split: Split | null }
export interface PhotoPage { images: Photo[]; next: string | null; total: number }
export interface PhotoProblem { kind: string; message: string; images: Photo[] }
export interface PhotoProblems {
  state: string; done: number; total: number; problems: PhotoProblem[]; message?: string | null;
}

export interface ClassFigures {
  label: string; photos: number; predicted: number; correct: number;
  precision: number | null; recall: number | null; f1: number | null;
}
export interface Evaluation {
  state: "none" | "working" | "ready" | "failed"; message: string | null;
  done?: number; total?: number;
  labels: string[]; photos: number; correct: number; accuracy: number | null;
  interval_95: Interval | null; confusion: number[][]; classes: ClassFigures[];
}
export interface Sample {
  /** Null when the photo is gone. */
  id: string | null; file: string; truth: number; predicted: number; score: number; truth_score: number;
}
export interface SamplePage { state: string; message?: string | null; samples: Sample[]; next: string | null; total: number }

export interface CompareSide { accuracy: number | null; interval_95: Interval | null; photos: number }
export interface Comparison {
  options: { name: string; a: unknown; b: unknown }[];
  a: CompareSide; b: CompareSide; labels: string[] | null; difference: number[][] | null;
  fixed: Sample[]; broken: Sample[];
}

export interface Network {
  architecture: string; width: number | null; input_size: number; quantized: boolean;
  multiply_adds_m: number; parameters_m: number; top1: number | null; file_mb: number;
  installed: string | null;
}

export interface Folder { name: string; path: string; classes: number; photos: number }
export interface DrawnPhotos { path: string; classes: number; photos: number }

export interface Folders { path: string; parent: string | null; folders: Folder[] }

export type JobState = "running" | "finished" | "failed" | "stopped";
export interface Job {
  id: string; state: JobState; command: string; started: number; stage: string;
  done: number; total: number; seconds_left: number | null; log: string[];
  exit_code: number | null; training: string | null;
}
export type JobUpdate = Omit<Job, "log"> & { lines: string[] };
export type JobOptions = Record<string, string | number | boolean>;
export interface JobPreview { command: string; problems: string[] }

export interface Cam { class: number; columns: number; rows: number; values: number[][]; bias: number; logit: number }
export interface Classification {
  classifier: string; scores: { label: string; score: number }[]; width: number; height: number;
  milliseconds: { decode: number; network: number; total: number }; cam?: Cam | null;
}

export interface Points {
  run: string; step: number;
  series: Record<string, [number, number, number | null][]>;
  histograms: string[];
}
