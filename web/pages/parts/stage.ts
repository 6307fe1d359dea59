// What a job does at the moment, in words.

import { t, type Key } from "../../i18n";

export function stageName(stage: string): string {
  const known = ["download", "features", "training", "test"];
  if (stage === "") return t("stage.start");
  return known.includes(stage) ? t(`stage.${stage}` as Key) : stage;
}
