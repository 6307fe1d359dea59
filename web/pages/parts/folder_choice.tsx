// Choosing a folder on the server's machine: what is inside is told before it is chosen.

import { useState } from "preact/hooks";
import { getFolders } from "../../api/http";
import { Icon } from "../../app/icons";
import { Dialog, Loading, messageOf, Notice } from "../../app/ui";
import { useFetched } from "../../app/use";
import { t } from "../../i18n";

export function FolderChoice({ start, onClose, onChoose }: { start: string; onClose(): void; onChoose(path: string): void }) {
  const [path, setPath] = useState<string | undefined>(start || undefined);
  const { value, error, loading } = useFetched(`folders ${path ?? ""}`, () => getFolders(path));
  return (
    <Dialog label={t("folder.title")} onClose={onClose} className="folders">
      <h2>{t("folder.title")}</h2>
      <p class="faint">{t("folder.text")}</p>
      {error !== null && (
        <Notice kind="error">{messageOf(error)} {path !== undefined && <button type="button" class="link" onClick={() => setPath(undefined)}>{t("folder.begin")}</button>}</Notice>
      )}
      {value === null && loading && <Loading />}
      {value !== null && (
        <>
          <p class="folder-path"><code>{value.path}</code></p>
          <ul class="folder-list" aria-label={value.path}>
            {value.parent !== null && <li><button type="button" class="folder" onClick={() => setPath(value.parent ?? undefined)}><Icon name="up" /> <span>{t("folder.up")}</span></button></li>}
            {value.folders.map((f) => (
              <li key={f.path} class={f.classes > 1 ? "fits" : ""}>
                <button type="button" class="folder" onClick={() => setPath(f.path)}><Icon name="folder" /> <span class="ellipsis">{f.name}</span>
                  {f.classes > 0 && <span class="faint">{t("folder.holds", { classes: f.classes, photos: f.photos })}</span>}</button>
                {f.classes > 1 && <button type="button" class="button small primary" aria-label={t("folder.choose.label", { name: f.name })} onClick={() => onChoose(f.path)}>{t("folder.choose")}</button>}
              </li>
            ))}
            {value.folders.length === 0 && <li class="faint">{t("folder.none")}</li>}
          </ul>
          <div class="dialog-foot">
            <button type="button" class="button" onClick={() => onChoose(value.path)}>{t("folder.this")}</button>
          </div>
        </>
      )}
    </Dialog>
  );
}
