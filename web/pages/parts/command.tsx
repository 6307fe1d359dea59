// A command line to read and to copy. A browser would end lines after the dashes of an option: each
// word is kept whole for as long as it fits into a line.

import { CopyButton } from "../../app/ui";
import { t } from "../../i18n";

/** text: null while it is not known; the name of the command stands there then. */
export function Command({ text }: { text: string | null }) {
  const words = (text ?? "graft retrain …").split(" ");
  return (
    <div class="command">
      <code>{words.map((word, i) => [i > 0 && " ", <span key={i}>{word}</span>])}</code>
      {text !== null && <CopyButton text={text} label={t("copy")} />}
    </div>
  );
}
