import { t } from "../../i18n";

/** What a run or training is called: the folder that the board looks at has no name of its own. */
export const runName = (name: string) => (name === "" || name === "." ? t("curves.root") : name);
