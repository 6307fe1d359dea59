// The network as boxes: a scope opens to what is inside; a search over all names.

import { useEffect, useRef, useState } from "preact/hooks";
import { getGraph } from "../api/http";
import type { GraphLevel, GraphNode } from "../api/types";
import { Icon } from "../app/icons";
import { link, route, setQuery } from "../app/router";
import { Empty, Loading, messageOf, Notice, Page, SearchBox, Select } from "../app/ui";
import { useFetched, useSettled } from "../app/use";
import { number, t } from "../i18n";
import { makeFilter } from "../runs/filter";
import { loaded, runs, status, tags } from "../runs/store";
import { runName } from "./parts/run_name";

type Source = { run: string } | { classifier: string };
const MOST_SCOPES = 600; // that a search looks into
const MOST_FOUND = 60;
const MARGIN = 24;

interface Place { scope: string; node: GraphNode }

const parentOf = (scope: string) => scope.split("/").slice(0, -1).join("/");
const cut = (text: string, fits: number) => (text.length > fits ? `${text.slice(0, Math.max(1, fits - 1))}…` : text);
const lastOf = (name: string) => name.split("/").pop() ?? name;

/** All nodes of all scopes, asked for once, level by level. */
async function collect(source: Source, onFound: (places: Place[]) => void, alive: () => boolean): Promise<void> {
  const queue = [""];
  const places: Place[] = [];
  for (let i = 0; i < queue.length && i < MOST_SCOPES && alive(); i++) {
    const scope = queue[i] as string;
    const level = await getGraph(source, scope);
    for (const node of level.nodes) {
      places.push({ scope, node });
      if (node.scope) queue.push(node.name);
    }
    onFound([...places]);
  }
}

function Box({ node, lit, onOpen }: { node: GraphNode; lit: boolean; onOpen(): void }) {
  const name = lastOf(node.name);
  const fits = Math.max(6, Math.floor((node.w - 20) / 7.2));
  const label = node.scope ? t("graph.scope", { name: node.name, n: node.nodes }) : t("graph.op", { name: node.name, op: node.op, shape: node.shape });
  const open = { onClick: onOpen, onKeyDown: (e: KeyboardEvent) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); onOpen(); } } };
  return (
    <g class={`node ${node.scope ? "scope" : "op"}${lit ? " lit" : ""}`} transform={`translate(${node.x} ${node.y})`}>
      <g class="box" tabIndex={0} role={node.scope ? "button" : "img"} aria-label={label} data-node={node.name} {...(node.scope ? open : {})}>
        <title>{label}</title>
        <rect width={node.w} height={node.h} rx={node.scope ? 9 : node.h / 2} />
      </g>
      <text aria-hidden="true" x={node.w / 2} y={node.h / 2 - 2} text-anchor="middle">{cut(name, fits)}</text>
      <text class="sub" aria-hidden="true" x={node.w / 2} y={node.h / 2 + 12} text-anchor="middle">{node.scope ? t("graph.nodes", { n: node.nodes }) : cut(`${node.op} ${node.shape}`, Math.floor((node.w - 12) / 5.6))}</text>
    </g>
  );
}

function Level({ level, zoom, lit, onOpen }: { level: GraphLevel; zoom: number; lit: string | null; onOpen(scope: string): void }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (lit === null) return;
    const node = [...(place.current?.querySelectorAll<SVGGElement>("[data-node]") ?? [])].find((n) => n.dataset.node === lit);
    node?.scrollIntoView({ block: "center", inline: "center" });
    node?.focus({ preventScroll: true });
  }, [lit, level]);
  const w = level.width + 2 * MARGIN;
  const h = level.height + 2 * MARGIN;
  const smooth = (points: [number, number][]) => points.map(([x, y], i) => {
    const before = points[i - 1];
    if (before === undefined) return `M${x} ${y}`;
    const middle = (before[1] + y) / 2;
    return `C${before[0]} ${middle} ${x} ${middle} ${x} ${y}`;
  }).join("");
  return (
    <div ref={place} class="graph-scroll" role="region" aria-label={t("page.graph")} tabIndex={0}>
      <svg width={w * zoom} height={h * zoom} viewBox={`${-MARGIN} ${-MARGIN} ${w} ${h}`}>
        <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" /></marker></defs>
        {level.edges.map((e, i) => <path key={i} class="edge" d={smooth(e.points)} marker-end="url(#arrow)" />)}
        {level.nodes.map((n) => <Box key={n.name} node={n} lit={n.name === lit} onOpen={() => onOpen(n.name)} />)}
      </svg>
    </div>
  );
}

export default function Graph() {
  const { query } = route.value;
  const sources: { value: string; text: string; source: Source }[] = [
    ...(status.value?.classifiers ?? []).map((c) => ({ value: `c:${c.id}`, text: c.file, source: { classifier: c.id } })),
    ...runs.value.filter((run) => tags.value[run.id]?.graph).map((run) => ({ value: `r:${run.id}`, text: runName(run.name), source: { run: run.id } })),
  ];
  const chosen = sources.find((s) => s.value === query.get("of")) ?? sources[0];
  const scope = query.get("scope") ?? "";
  const lit = query.get("node");
  const [zoom, setZoom] = useState(1);
  const [text, setText] = useState("");
  const [places, setPlaces] = useState<Place[] | null>(null);
  const settled = useSettled(text.trim(), 150);
  const { value: level, error } = useFetched(chosen ? `graph ${chosen.value} ${scope}` : null, () => getGraph((chosen as { source: Source }).source, scope));
  const searching = settled !== "" && chosen !== undefined;
  useEffect(() => {
    if (!searching) return undefined;
    let alive = true;
    void collect(chosen.source, setPlaces, () => alive).catch(() => undefined);
    return () => { alive = false; };
  }, [searching, chosen?.value]);
  const title = t("page.graph");
  if (!loaded.value) return <Page title={title}><Loading /></Page>;
  if (chosen === undefined) return <Page title={title}><Empty stage={1} title={t("graph.empty")}><p>{t("graph.empty.text")}</p><p><a class="button primary" href={link("train")}>{t("page.train")}</a></p></Empty></Page>;
  const open = (to: string) => setQuery({ scope: to || null, node: null });
  const filter = makeFilter(settled);
  const found = searching && places ? places.filter((p) => filter.matches(p.node.name)) : [];
  const trail = scope === "" ? [] : scope.split("/");
  return (
    <Page title={title} wide lead={t("graph.lead")}
      actions={sources.length > 1 && <Select label={t("graph.of")} value={chosen.value} onChange={(v) => { setPlaces(null); setQuery({ of: v, scope: null, node: null }); }} options={sources} />}>
      <section class="card graph" aria-label={title}>
        <div class="toolbar">
          <nav class="trail" aria-label={t("graph.trail")}>
            <button type="button" class="link" onClick={() => open("")} aria-current={scope === "" ? "location" : undefined}>{t("graph.all")}</button>
            {trail.map((name, i) => (
              <span key={i}><Icon name="chevron" size={14} /><button type="button" class="link" onClick={() => open(trail.slice(0, i + 1).join("/"))} aria-current={i === trail.length - 1 ? "location" : undefined}>{name}</button></span>
            ))}
          </nav>
          <SearchBox label={t("graph.search")} value={text} onInput={setText} />
          <div class="zoom-tools">
            {scope !== "" && <button type="button" class="icon-button" aria-label={t("graph.up")} title={t("graph.up")} onClick={() => open(parentOf(scope))}><Icon name="up" /></button>}
            <button type="button" class="icon-button" aria-label={t("graph.smaller")} onClick={() => setZoom(Math.max(0.25, zoom / 1.25))}><Icon name="minus" /></button>
            <output>{number(zoom * 100)} %</output>
            <button type="button" class="icon-button" aria-label={t("graph.larger")} onClick={() => setZoom(Math.min(3, zoom * 1.25))}><Icon name="plus" /></button>
          </div>
        </div>
        {searching && (
          <ul class="found" aria-label={t("graph.found", { n: found.length })}>
            {found.slice(0, MOST_FOUND).map((p) => (
              <li key={p.node.name}><button type="button" class="link" onClick={() => { setQuery({ scope: p.scope || null, node: p.node.name }); setText(""); }}><code>{p.node.name}</code> <span class="faint">{p.node.op}</span></button></li>
            ))}
            {places !== null && found.length === 0 && <li class="faint">{t("curves.filter.nothing")}</li>}
          </ul>
        )}
        {error !== null && <Notice kind="error">{messageOf(error)}</Notice>}
        {level === null && error === null && <Loading />}
        {level !== null && <Level level={level} zoom={zoom} lit={lit} onOpen={open} />}
        <p class="faint graph-hint">{t("graph.hint")}</p>
      </section>
    </Page>
  );
}
