// The runs at the left of the curves: a training with its colour, its runs beneath, each to switch.

import { colourOf } from "../../runs/colours";
import type { Run } from "../../api/types";
import { dark } from "../../app/theme";
import { SearchBox } from "../../app/ui";
import { percent, t, type Key } from "../../i18n";
import { makeFilter } from "../../runs/filter";
import { trainings } from "../../runs/store";
import { hovered, isHidden, listedRuns, runFilter, setVisible, showOnly } from "./curve_state";
import { runName } from "./run_name";


function RunRow({ run, colour }: { run: Run; colour: string }) {
  const own = run.kind === "other" ? run.name : t(`kind.${run.kind}` as Key);
  return (
    <li class="run" onMouseEnter={() => (hovered.value = run.id)} onMouseLeave={() => (hovered.value = null)}>
      <label>
        <input type="checkbox" checked={!isHidden(run)} style={{ accentColor: colour }}
          onChange={(e) => setVisible([run], e.currentTarget.checked)} />
        <span class={run.kind === "validation" ? "swatch dashed" : "swatch"} style={{ color: colour }} aria-hidden="true" />
        <span class="run-name">{own}</span>
        <span class="run-step faint">{run.last_step === null ? "" : t("curves.step", { n: run.last_step })}</span>
      </label>
      {run.damaged > 0 && <span class="chip warning" title={t("curves.damaged.title")}>{t("curves.damaged", { n: run.damaged })}</span>}
      {run.restarts > 0 && <span class="chip" title={t("curves.restarts.title")}>{t("curves.restarts", { n: run.restarts })}</span>}
    </li>
  );
}

export function RunList() {
  const list = listedRuns.value;
  const names = [...new Set(list.map((run) => run.group))];
  return (
    <aside class="runs" aria-label={t("curves.runs")}>
      <div class="runs-head">
        <h2>{t("curves.runs")}</h2>
        <button type="button" class="link" onClick={() => setVisible(list, list.some(isHidden))}>
          {list.some(isHidden) ? t("curves.all") : t("curves.none")}
        </button>
      </div>
      <SearchBox label={t("curves.filter.runs")} value={runFilter.value} invalid={!makeFilter(runFilter.value).valid}
        onInput={(v) => (runFilter.value = v)} />
      {names.length === 0 && <p class="faint">{t("curves.filter.nothing")}</p>}
      <ul class="groups">
        {names.map((name) => {
          const members = list.filter((run) => run.group === name);
          const colour = colourOf(name, dark.value);
          const training = trainings.value.find((tr) => tr.group === name);
          return (
            <li key={name} class="group">
              <div class="group-head">
                <span class="group-dot" style={{ background: colour }} aria-hidden="true" />
                <span class="group-name" title={name}>{runName(name)}</span>
                {training?.state === "running" && <span class="chip live">{t("state.running")}</span>}
                {training?.accuracy !== null && training !== undefined && <span class="group-figure">{percent(training.accuracy)}</span>}
                <button type="button" class="link only" onClick={() => showOnly(members)} aria-label={t("curves.only.label", { name })}>{t("curves.only")}</button>
              </div>
              <ul>{members.map((run) => <RunRow key={run.id} run={run} colour={colour} />)}</ul>
            </li>
          );
        })}
      </ul>
    </aside>
  );
}
