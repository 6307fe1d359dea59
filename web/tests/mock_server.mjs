// A small server for looking at the page and for its tests: the built page with the headers that the
// contract asks for, the examples of docs/board_api, curves that grow, and the push channel.
//
//   node tests/mock_server.mjs [--port 6007] [--scenario full|empty] [--live]

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeSeries, flowerSvg, hash, makeCurve, random } from "./mock_data.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const DIST = join(here, "../dist");
const EXAMPLES = join(here, "../../docs/board_api/examples");
const TOKEN = "mock-token";
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
  "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

const example = async (name) => JSON.parse(await readFile(join(EXAMPLES, `${name}.json`), "utf8"));

const EMPTY_TAGS = { scalars: [], histograms: [], images: [], texts: [], graph: false };

class Mock {
  constructor(scenario) {
    this.scenario = scenario;
    this.clients = new Set();
    this.curves = new Map();
    this.nextEvent = 1;
    this.requests = [];
    this.job = null;
    this.bare = false; // the page comes without what it begins with
  }

  async load() {
    const empty = this.scenario === "empty";
    for (const name of ["status", "runs", "trainings", "tags", "hist", "graph", "dataset", "images", "problems",
      "eval", "samples", "compare", "zoo", "folders", "job", "classify", "sample"]) {
      this[`_${name}`] = await example(name);
    }
    this._runs = this._runs.runs;
    if (empty) {
      this._runs = [];
      this._trainings.trainings = [];
      Object.assign(this._status, { runs: 0, newest: null, photos: null, installed: 0, classifiers: [], problems: [] });
      Object.assign(this._dataset, { state: "none", classes: [], photos: 0, skipped: 0, image_dir: "" });
      this._images = { images: [], next: null, total: 0 };
      this._problems = { state: "ready", done: 0, total: 0, problems: [] };
      this._zoo.networks.forEach((n) => (n.installed = null));
    }
  }

  rows(run, tag) {
    const key = `${run.id} ${tag}`;
    if (!this.curves.has(key)) {
      const validation = run.kind === "validation";
      const every = validation ? 10 : 1;
      const nan = run.group.includes("0.25") && !validation && tag.startsWith("cross") ? [100, 101] : [];
      this.curves.set(key, makeCurve(run, tag, Math.floor(run.last_step / every) + 1, { every, nan }));
    }
    return this.curves.get(key);
  }

  push(event, data) {
    const text = `id: ${this.nextEvent++}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const client of this.clients) client.write(text);
  }

  /** Adds one step to every curve of a run and pushes it. */
  grow(run, value) {
    run.last_step += run.kind === "validation" ? 10 : 1;
    const series = {};
    for (const tag of ["accuracy_1", "cross_entropy_1"]) {
      const rows = this.rows(run, tag);
      const last = rows[rows.length - 1];
      const next = [run.last_step, last[1] + 0.024, value ?? Math.max(0, last[2] + (Math.random() - 0.5) * 0.04)];
      rows.push(next);
      series[tag] = [[next[0], next[1], Number.isFinite(next[2]) ? next[2] : null]];
    }
    this.push("points", { run: run.id, step: run.last_step, series, histograms: [] });
  }

  photo(file, klass, index) {
    const split = ["training", "training", "training", "training", "training", "training", "training", "training", "validation", "testing"];
    return { id: hash(`${file}${index}`).toString(16).padStart(8, "0") + (klass + 10).toString(16).padStart(8, "0"), file, class: klass, split: split[index % 10] };
  }

  photos(query) {
    if (this._dataset.state !== "ready") return { images: [], next: null, total: 0 };
    const all = [];
    for (const c of this._dataset.classes) {
      const count = c.training + c.validation + c.testing;
      for (let i = 0; i < count; i++) all.push(this.photo(`${c.folder}/${10000 + i * 37}_${c.folder}.jpg`, c.index, i));
    }
    const chosen = all.filter((p) => (!query.get("class") || p.class === Number(query.get("class"))) &&
      (!query.get("split") || p.split === query.get("split")));
    const start = Number(query.get("cursor") ?? 0);
    const limit = Number(query.get("limit") ?? 100);
    const end = start + limit;
    return { images: chosen.slice(start, end), next: end < chosen.length ? String(end) : null, total: chosen.length };
  }

  samples(query) {
    const labels = this._eval.labels;
    const list = [];
    this._eval.confusion.forEach((row, truth) => row.forEach((count, predicted) => {
      if (query.get("true") && Number(query.get("true")) !== truth) return;
      if (query.get("pred") && Number(query.get("pred")) !== predicted) return;
      const next = random(truth * 31 + predicted);
      for (let i = 0; i < count; i++) {
        const score = 0.45 + 0.54 * next();
        list.push({ id: (1000 + i).toString(16).padStart(8, "0") + (truth + 10).toString(16).padStart(8, "0"),
          file: `${labels[truth]}/${7000 + i}.jpg`, truth, predicted, score,
          truth_score: truth === predicted ? score : (1 - score) * next() });
      }
    }));
    list.sort((a, b) => b.score - a.score);
    if (query.get("order") === "unsure") list.reverse();
    const start = Number(query.get("cursor") ?? 0);
    const end = start + Number(query.get("limit") ?? 60);
    return { state: "ready", samples: list.slice(start, end), next: end < list.length ? String(end) : null, total: list.length };
  }

  hist(query) {
    const run = this._runs.find((r) => r.id === query.get("run"));
    if (!run) return null;
    const bins = Number(query.get("bins") ?? 30);
    const n = Math.min(40, run.last_step + 1);
    const steps = Array.from({ length: n }, (_, i) => Math.round((i * run.last_step) / (n - 1)));
    const wide = query.get("tag").includes("pre_activ") ? 60 : 1;
    const spread = (s) => (0.004 + 0.022 * (1 - Math.exp(-s / 90))) * wide;
    const shift = (s) => (0.006 * (1 - Math.exp(-s / 150))) * wide;
    const top = spread(steps[n - 1]) * 3.6;
    const edges = Array.from({ length: bins + 1 }, (_, i) => -top + (2 * top * i) / bins);
    const counts = steps.map((s) => edges.slice(0, -1).map((e, i) => {
      const x = ((e + edges[i + 1]) / 2 - shift(s)) / spread(s);
      const y = (x * spread(s) - 2.2 * spread(s)) / (spread(s) * 0.4);
      return 5005 * (top / spread(s)) * (2 / bins) * (Math.exp(-x * x / 2) + 0.22 * Math.exp(-y * y / 2)) * 0.36;
    }));
    const z = [-3.4, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 3.6];
    return { steps, walls: steps.map((s) => run.started + s * 0.024), edges, counts,
      percentiles: { p: [0, 6.7, 15.9, 30.9, 50, 69.1, 84.1, 93.3, 100], values: steps.map((s) => z.map((k) => shift(s) + k * spread(s))) } };
  }

  graph(scope) {
    if (scope === "") return this._graph;
    const depth = scope.split("/").length;
    const names = depth > 2 ? ["weights", "read", "Conv2D", "BatchNorm", "Relu6"]
      : Array.from({ length: 9 }, (_, i) => (i === 8 ? "Predictions" : `Conv2d_${i}_pointwise`));
    const nodes = names.map((name, i) => ({ name: `${scope}/${name}`, op: depth > 2 ? ["Const", "Identity", "Conv2D", "FusedBatchNorm", "Relu6"][i] : "",
      scope: depth <= 2, nodes: 12 + i, shape: "[1,14,14,256]", x: 60 + (depth > 2 && i === 0 ? 200 : 0), y: 20 + 84 * i, w: 180, h: 40 }));
    const edges = nodes.slice(1).map((n, i) => ({ from: nodes[i].name, to: n.name,
      points: [[nodes[i].x + 90, nodes[i].y + 40], [n.x + 90, n.y]] }));
    return { scope, nodes, edges, width: 480, height: 20 + 84 * names.length };
  }

  command(options) {
    return ["graft retrain", ...Object.entries(options).map(([k, v]) => `--${k}=${/[^\w./-]/.test(String(v)) ? `'${v}'` : v}`)].join(" ");
  }

  startJob(options) {
    const steps = Number(options.how_many_training_steps ?? 500);
    this.job = { ...this._job, id: "j2", command: this.command(options), started: Date.now() / 1000, stage: "features",
      done: 0, total: 1000, seconds_left: 8, log: [], state: "running", exit_code: null, training: null };
    this.push("job", { ...this.job, log: undefined, lines: ["Looking for images"] });
    this.jobTimer = setInterval(() => {
      const job = this.job;
      job.done = Math.min(job.total, job.done + job.total / 20);
      job.seconds_left = (1 - job.done / job.total) * 4;
      const lines = [`Step ${Math.round(job.done)}: Train accuracy = ${(60 + (35 * job.done) / job.total).toFixed(1)}%`];
      if (job.done >= job.total && job.stage === "features") Object.assign(job, { stage: "training", done: 0, total: steps });
      else if (job.done >= job.total) {
        Object.assign(job, { state: "finished", exit_code: 0, seconds_left: 0, training: this._trainings.trainings[0]?.id ?? null });
        clearInterval(this.jobTimer);
      }
      job.log.push(...lines);
      this.push("job", { ...job, log: undefined, lines });
    }, 120);
    return this.job;
  }

  start() {
    return {
      event: String(this.nextEvent - 1), status: this.api("GET", "status"), runs: this._runs,
      trainings: this._trainings.trainings, job: this.job,
      tags: Object.fromEntries(this._runs.map((run) => [run.id, this._tags])),
    };
  }

  api(method, path, query, body) {
    const one = /^(\w+)\/([\w-]+)$/.exec(path);
    if (path === "start") return this.start();
    if (path === "status") return { ...this._status, runs: this._runs.length, job: this.job?.state === "running" ? this.job.id : null };
    if (path === "runs") return { runs: this._runs };
    if (path === "trainings") return this._trainings;
    if (path === "tags") return this._runs.some((r) => r.id === query.get("run")) ? this._tags : null;
    if (path === "hist") return this.hist(query);
    if (path === "graph") return this.graph(query.get("scope") ?? "");
    if (path === "dataset") return this._dataset;
    if (path === "dataset/images") return this.photos(query);
    if (path === "dataset/problems") return this._problems;
    if (/^eval\/\w+\/samples$/.test(path)) return this.samples(query);
    if (/^eval\/\w+\/suspects$/.test(path)) {
      const all = this.samples(new URLSearchParams("limit=500")).samples.filter((s) => s.truth !== s.predicted);
      return { state: "ready", samples: all, next: null, total: all.length };
    }
    if (one?.[1] === "eval") return this._eval;
    if (path === "compare") return this._compare;
    if (path === "zoo") return this._zoo;
    if (path === "folders") return this._folders;
    if (path === "sample" && method === "POST") return this._sample;
    if (path === "texts") return { texts: [] };
    if (path === "jobs" && method === "POST") {
      const { options } = JSON.parse(body.toString());
      if (query.get("preview")) return { command: this.command(options), problems: options.image_dir ? [] : ["--image_dir: is not set: name a folder with one subfolder a class"] };
      return this.startJob(options);
    }
    if (path === "jobs") return { jobs: this.job ? [this.job] : [] };
    if (one?.[1] === "jobs" && method === "DELETE") {
      clearInterval(this.jobTimer);
      Object.assign(this.job, { state: "stopped", exit_code: 130 });
      this.push("job", { ...this.job, log: undefined, lines: ["stopped"] });
      return {};
    }
    if (one?.[1] === "jobs") return this.job;
    if (path === "classify") {
      const answer = structuredClone(this._classify);
      if (query.get("class")) answer.cam.class = Number(query.get("class"));
      if (query.get("cam") !== "1") delete answer.cam;
      return answer;
    }
    return null;
  }

  async answer(request, response) {
    const url = new URL(request.url, "http://localhost");
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    const send = (status, type, body, more = {}) => {
      response.writeHead(status, { "Content-Type": type, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", ...more });
      response.end(body);
    };
    const fail = (status, kind, message) => send(status, "application/json", JSON.stringify({ error: { kind, message } }));
    if (!url.pathname.startsWith("/api/")) {
      const file = normalize(url.pathname === "/" ? "/index.html" : url.pathname);
      try {
        let body = await readFile(join(DIST, file));
        if (file === "/index.html") {
          const start = this.bare ? "" : JSON.stringify(this.start()).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
          body = body.toString().replace("__GRAFT_TOKEN__", TOKEN).replace("__GRAFT_START__", () => start);
        }
        return send(200, TYPES[extname(file)] ?? "application/octet-stream", body, { "Content-Security-Policy": CSP });
      } catch {
        return fail(404, "not_found", `${url.pathname}: is not here: go to /`);
      }
    }
    const path = url.pathname.slice(5);
    if (path === "events") {
      response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      response.write(`id: 0\nevent: hello\ndata: {"version": "0.1.0", "time": 0}\n\n`);
      this.clients.add(response);
      return request.on("close", () => this.clients.delete(response));
    }
    const guarded = request.method !== "GET" || path === "folders";
    if (guarded && request.headers["x-graft-token"] !== TOKEN) return fail(403, "invalid_argument", "X-Graft-Token: is missing: open the page anew");
    if (path.startsWith("thumb/")) {
      const id = path.slice(6);
      return send(200, "image/svg+xml", flowerSvg(id, Math.max(0, Number.parseInt(id.slice(-8), 16) % 64 - 10), Number(url.searchParams.get("s") ?? 160)));
    }
    if (path === "series") {
      const run = this._runs.find((r) => r.id === url.searchParams.get("run"));
      if (!run) return fail(404, "not_found", "run: is not known: ask /api/runs");
      const rows = this.rows(run, url.searchParams.get("tag"));
      const format = url.searchParams.get("format");
      if (format === "csv") return send(200, "text/csv", `Wall time,Step,Value\n${rows.map((r) => [r[1], r[0], r[2]].join(",")).join("\n")}\n`);
      if (format === "json") return send(200, "application/json", JSON.stringify(rows.map((r) => [r[1], r[0], Number.isFinite(r[2]) ? r[2] : null])));
      const number = (name) => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined);
      return send(200, "application/octet-stream", encodeSeries(rows, { smooth: number("smooth"), px: number("px"),
        axis: url.searchParams.get("axis") ?? "step", x0: number("x0"), x1: number("x1") }));
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = this.api(request.method, path, url.searchParams, Buffer.concat(chunks));
    return body === null ? fail(404, "not_found", `${path}: is not known: see docs/board_api`)
      : send(request.method === "POST" && path === "jobs" && !url.searchParams.has("preview") ? 201 : 200, "application/json", JSON.stringify(body));
  }
}

export async function startMock({ port = 0, scenario = "full" } = {}) {
  const mock = new Mock(scenario);
  await mock.load();
  const server = createServer((request, response) => {
    mock.answer(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  mock.port = server.address().port;
  mock.url = `http://127.0.0.1:${mock.port}/`;
  mock.close = () => new Promise((resolve) => {
    clearInterval(mock.jobTimer);
    server.closeAllConnections();
    server.close(resolve);
  });
  return mock;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : process.argv[at + 1];
  };
  const mock = await startMock({ port: Number(option("port", 6007)), scenario: option("scenario", "full") });
  console.log(mock.url);
  if (process.argv.includes("--live")) setInterval(() => mock._runs.slice(-2).forEach((run) => mock.grow(run)), 500);
}
