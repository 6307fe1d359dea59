// What a job does at the moment, in words.

import { t, type Key } from "../../i18n";

export function stageName(stage: string): string {
  const known = ["scanning", "model", "features", "training", "testing", "saving", "checking"];
  return known.includes(stage) ? t(`stage.${stage}` as Key) : stage;
}
