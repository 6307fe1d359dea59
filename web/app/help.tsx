// The list of keys, and what the program is.

import { t, type Key } from "../i18n";
import { status } from "../runs/store";
import { Dialog } from "./ui";

const KEYS: [string[], Key][] = [
  [["1", "…", "9", "0"], "keys.pages"],
  [["/"], "keys.filter"],
  [["t"], "keys.theme"],
  [["l"], "keys.language"],
  [["?"], "keys.help"],
  [["Tab"], "keys.tab"],
  [["←", "→"], "keys.chart"],
  [["+", "−", "Esc"], "keys.zoom"],
  [["←", "→", "↑", "↓"], "keys.grid"],
  [["[", "]"], "keys.smoothing"],
];

export function Help({ onClose }: { onClose(): void }) {
  return (
    <Dialog label={t("help")} onClose={onClose} className="help">
      <h2>{t("keys.title")}</h2>
      <dl class="keys">
        {KEYS.map(([keys, text]) => (
          <div key={text}>
            <dt>{keys.map((k, i) => <kbd key={i}>{k}</kbd>)}</dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <h2>{t("help.charts")}</h2>
      <p>{t("help.charts.text")}</p>
      <p class="faint">Graft {status.value?.version ?? ""} · {t("help.local")}</p>
    </Dialog>
  );
}
