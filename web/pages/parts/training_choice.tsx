// Which training a page speaks of: the newest, or the one in the address (`?training=`).

import { computed } from "@preact/signals";
import { route, setQuery } from "../../app/router";
import { Select } from "../../app/ui";
import { moment, t } from "../../i18n";
import { trainings } from "../../runs/store";
import { runName } from "./run_name";

export const chosenTraining = computed(() => {
  const id = route.value.query.get("training");
  return trainings.value.find((training) => training.id === id) ?? trainings.value[0] ?? null;
});

export function TrainingChoice() {
  if (trainings.value.length < 2) return null;
  return (
    <Select label={t("training")} value={chosenTraining.value?.id ?? ""} hideLabel
      onChange={(id) => setQuery({ training: id })}
      options={trainings.value.map((training) => ({ value: training.id, text: `${runName(training.name)} · ${moment(training.started)}` }))} />
  );
}
