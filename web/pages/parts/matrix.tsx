// A square of numbers by class: the confusion matrix, or the difference of two. Rows are what the
// photos are, columns what the classifier says. One stop for Tab, arrow keys from cell to cell.

import { useRef, useState } from "preact/hooks";
import { number, percent, t } from "../../i18n";

const LABELLED = 24; // above so many classes cells are too small for numbers

export function Matrix({ labels, values, mode, chosen, onChoose, caption }: {
  labels: string[]; values: number[][]; mode: "count" | "percent" | "difference";
  chosen?: [number, number] | null; onChoose?(truth: number, predicted: number): void; caption: string;
}) {
  const [active, setActive] = useState<[number, number]>([0, 0]);
  const [under, setUnder] = useState<[number, number] | null>(null);
  const table = useRef<HTMLTableElement>(null);
  const sums = values.map((row) => row.reduce((a, b) => a + b, 0));
  const most = Math.max(1, ...values.flat().map(Math.abs));
  const small = labels.length > LABELLED;

  const move = (e: KeyboardEvent) => {
    const by: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = by[e.key];
    if (!step) return;
    e.preventDefault();
    const keep = (v: number) => Math.min(labels.length - 1, Math.max(0, v));
    const to: [number, number] = [keep(active[0] + step[0]), keep(active[1] + step[1])];
    setActive(to);
    table.current?.querySelector<HTMLElement>(`[data-cell="${to.join()}"]`)?.focus();
  };

  const strength = (value: number, row: number) =>
    mode === "difference" ? Math.abs(value) / most : value / Math.max(1, sums[row] ?? 1);
  const text = (value: number, row: number) =>
    mode === "percent" ? percent((sums[row] ?? 0) > 0 ? value / (sums[row] as number) : null, 0)
      : mode === "difference" ? (value > 0 ? `+${number(value)}` : number(value).replace("-", "−"))
        : number(value);
  const tone = (value: number, truth: number, predicted: number) => {
    if (value === 0) return "none";
    const good = mode === "difference" ? (truth === predicted) === value > 0 : truth === predicted;
    return good ? "right" : "wrong";
  };

  return (
    <div class="matrix-scroll" tabIndex={-1}>
      <table ref={table} class={`matrix${small ? " small" : ""}`} onKeyDown={move}>
        <caption class="sr-only">{caption}</caption>
        <thead>
          <tr>
            <td class="corner"><span>{t("matrix.truth")} ↓</span> <span>{t("matrix.predicted")} →</span></td>
            {labels.map((label, i) => <th key={i} scope="col" class={under?.[1] === i ? "lit" : ""}><span>{label}</span></th>)}
          </tr>
        </thead>
        <tbody>
          {values.map((row, truth) => (
            <tr key={truth}>
              <th scope="row" class={under?.[0] === truth ? "lit" : ""}>{labels[truth]}</th>
              {row.map((value, predicted) => (
                <td key={predicted}>
                  <button type="button" data-cell={`${truth},${predicted}`} disabled={onChoose === undefined}
                    class={`cell ${tone(value, truth, predicted)}${truth === predicted ? " diagonal" : ""}`}
                    style={{ "--strength": (0.10 + 0.9 * strength(value, truth)).toFixed(3) }}
                    tabIndex={active[0] === truth && active[1] === predicted ? 0 : -1}
                    aria-pressed={chosen ? chosen[0] === truth && chosen[1] === predicted : undefined}
                    aria-label={t("matrix.cell", { truth: labels[truth] ?? "", predicted: labels[predicted] ?? "", value: text(value, truth) })}
                    onMouseEnter={() => setUnder([truth, predicted])} onMouseLeave={() => setUnder(null)}
                    onFocus={() => setActive([truth, predicted])}
                    onClick={() => onChoose?.(truth, predicted)}>
                    {!small && (value === 0 ? <span class="zero">{mode === "percent" ? "" : "·"}</span> : text(value, truth))}
                  </button>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
