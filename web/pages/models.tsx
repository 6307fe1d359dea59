// Which network to start from: what it costs against how good it is.

import { useState } from "preact/hooks";
import { getZoo } from "../api/http";
import type { Network } from "../api/types";
import { Icon } from "../app/icons";
import { link } from "../app/router";
import { Loading, messageOf, Notice, Page } from "../app/ui";
import { useFetched, useWidth } from "../app/use";
import { layBubbles } from "../charts/bubbles";
import { number, t } from "../i18n";
import { isBuiltIn } from "./parts/network";

const HEIGHT = 400;

const widthClass = (width: number) => `w${Math.round(width * 100)}`;
const family = (n: Network) => (n.width === null ? "inception" : widthClass(n.width));

function Chart({ networks, chosen, onChoose }: { networks: Network[]; chosen: string | null; onChoose(key: string | null): void }) {
  const [place, width] = useWidth<HTMLDivElement>();
  const narrow = width < 520;
  const box = { left: 46, top: 16, width: Math.max(100, width - 62), height: HEIGHT - 66 };
  const layout = layBubbles(networks.map((n) => ({ key: n.architecture, x: n.multiply_adds_m, y: n.top1 as number, area: n.file_mb })), box, narrow ? 30 : 54);
  const of = (key: string) => networks.find((n) => n.architecture === key) as Network;
  const shown = chosen === null ? null : layout.bubbles.find((b) => b.key === chosen) ?? null;
  const network = shown === null ? null : of(shown.key);
  return (
    <div ref={place} class="bubbles" onMouseLeave={() => onChoose(null)}>
      {width > 0 && (
        <svg width={width} height={HEIGHT} role="group" aria-label={t("models.chart")}>
          {layout.yTicks.map((tick) => (
            <g key={tick.value}><path class="grid" d={`M${box.left} ${tick.at}H${box.left + box.width}`} />
              <text class="tick" x={box.left - 8} y={tick.at + 4} text-anchor="end">{tick.value}%</text></g>
          ))}
          {layout.xTicks.map((tick) => (
            <g key={tick.value}><path class="grid" d={`M${tick.at} ${box.top}V${box.top + box.height}`} />
              <text class="tick" x={tick.at} y={box.top + box.height + 18} text-anchor="middle">{number(tick.value)}</text></g>
          ))}
          <text class="axis" x={box.left + box.width / 2} y={HEIGHT - 8} text-anchor="middle">{t("models.x")}</text>
          {layout.bubbles.map((b) => {
            const n = of(b.key);
            const covered = layout.bubbles.some((o) => o !== b && Math.hypot(o.cx - b.cx, o.cy - b.cy) < b.r * 0.6 + o.r);
            return (
              <a key={b.key} href={link("train", { architecture: n.architecture })} class={`bubble ${family(n)}${n.installed ? " installed" : ""}${chosen === b.key ? " chosen" : ""}`}
                aria-label={t(n.installed ? "models.bubble.installed" : "models.bubble", { name: n.architecture, madds: n.multiply_adds_m, top1: n.top1 ?? 0, mb: n.file_mb })}
                onMouseEnter={() => onChoose(b.key)} onFocus={() => onChoose(b.key)} onBlur={() => onChoose(null)}>
                <circle cx={b.cx} cy={b.cy} r={b.r} />
                {b.r > 16 && !covered && <text x={b.cx} y={b.cy + 4} text-anchor="middle">{n.architecture.startsWith("inception") ? "Inception" : n.input_size}</text>}
              </a>
            );
          })}
        </svg>
      )}
      {shown !== null && network !== null && (
        <div class="bubble-tip" style={{ left: `${Math.min(Math.max(shown.cx, 110), width - 110)}px`, top: `${Math.max(4, shown.cy - shown.r - 92)}px` }}>
          <b>{network.architecture}</b>
          <span>{t("models.tip", { top1: number(network.top1 ?? 0, 1), madds: number(network.multiply_adds_m), mb: number(network.file_mb, 1) })}</span>
          <span class="faint">{network.installed ? t("models.installed") : t("models.not")}</span>
        </div>
      )}
    </div>
  );
}

function Table({ networks, lit }: { networks: Network[]; lit: string | null }) {
  const where = (n: Network) => n.installed ? <span class="good" title={n.installed}><Icon name="check" size={16} /> {t("models.installed")}</span>
    : <span class="faint">{isBuiltIn(n) ? t("models.builtin") : t("models.not")}</span>;
  return (
    <div class="table-scroll" role="region" aria-label={t("models.table")} tabIndex={0}>
      <table class="figures zoo">
        <thead><tr><th scope="col">{t("models.network")}</th><th scope="col">{t("models.pixels")}</th><th scope="col">{t("models.madds")}</th>
          <th scope="col">{t("models.params")}</th><th scope="col">{t("models.top1")}</th><th scope="col">MB</th><th scope="col">{t("models.where")}</th><th scope="col"><span class="sr-only">{t("models.use")}</span></th></tr></thead>
        <tbody>
          {networks.map((n) => (
            <tr key={n.architecture} class={lit === n.architecture ? "lit" : ""}>
              <th scope="row">{n.architecture}</th><td class="number">{n.input_size}</td><td class="number">{number(n.multiply_adds_m)}</td>
              <td class="number">{n.parameters_m.toFixed(2)}</td><td class="number">{n.top1 === null ? "–" : n.top1.toFixed(1)}</td><td class="number">{n.file_mb.toFixed(1)}</td>
              <td>{where(n)}</td>
              <td><a class="button small" href={link("train", { architecture: n.architecture })} aria-label={t("models.use.label", { name: n.architecture })}>{t("models.use")}</a></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export default function Models() {
  const { value, error } = useFetched("zoo", getZoo);
  const [chosen, setChosen] = useState<string | null>(null);
  const title = t("page.models");
  if (error !== null) return <Page title={title}><Notice kind="error">{messageOf(error)}</Notice></Page>;
  if (value === null) return <Page title={title}><Loading /></Page>;
  const shown = value.filter((n) => n.top1 !== null);
  const widths = [...new Set(shown.filter((n) => n.width !== null).map((n) => n.width as number))].sort((a, b) => b - a);
  const order = [...value].sort((a, b) => (b.top1 ?? 0) - (a.top1 ?? 0) || b.multiply_adds_m - a.multiply_adds_m);
  const others = order.filter((n) => n.top1 === null);
  return (
    <Page title={title} lead={t("models.lead")}>
      <section class="card" aria-label={t("models.chart")}>
        <div class="card-head">
          <div><h2>{t("models.y")}</h2><p class="faint">{t("models.area")}</p></div>
          <ul class="legend">
            <li><span class="ring full" aria-hidden="true" />{t("models.installed")}</li>
            <li><span class="ring" aria-hidden="true" />{t("models.not")}</li>
            {widths.map((w) => <li key={w}><span class={`key ${widthClass(w)}`} aria-hidden="true" />{t("models.width", { w: w.toFixed(2) })}</li>)}
          </ul>
        </div>
        <Chart networks={shown} chosen={chosen} onChoose={setChosen} />
      </section>
      <section class="card" aria-label={t("models.table")}>
        <Table networks={order.filter((n) => n.top1 !== null)} lit={chosen} />
        {others.length > 0 && <details class="fold plain"><summary>{t("models.others")}</summary><Table networks={others} lit={chosen} /></details>}
      </section>
    </Page>
  );
}
