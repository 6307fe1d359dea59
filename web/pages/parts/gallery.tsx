// Thousands of photos in a grid that scrolls with the page: only the rows in sight are in the
// document. One stop for Tab; arrow keys go from photo to photo, Enter opens one large.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { thumb } from "../../api/http";
import { Icon } from "../../app/icons";
import { Dialog } from "../../app/ui";
import { useWidth } from "../../app/use";
import { t } from "../../i18n";

/** `id` is null when the photo is gone. */
export interface GalleryItem { id: string | null; file: string }

const GAP = 10;
const MORE_ROWS = 3; // beyond the window, on either side

export function Thumb({ id, size, alt }: { id: string | null; size: number; alt: string }) {
  const [broken, setBroken] = useState(false);
  useEffect(() => setBroken(false), [id]);
  if (broken || id === null) return <span class="thumb-broken" role="img" aria-label={alt}><Icon name="photos" size={28} /></span>;
  return <img src={thumb(id, size)} alt={alt} loading="lazy" decoding="async" draggable={false} onError={() => setBroken(true)} />;
}

/** The height of `caption` in pixels has to be told, so that rows can be placed without measuring. */
export function Gallery<T extends GalleryItem>({ items, total, more, label, describe, caption, captionHeight = 0, size = 148, detail }: {
  items: T[]; total: number; more?(): void; label: string;
  describe(item: T): string; caption?(item: T): ComponentChildren; captionHeight?: number;
  size?: number; detail?(item: T): ComponentChildren;
}) {
  const [place, width] = useWidth<HTMLDivElement>();
  const [view, setView] = useState<[number, number]>([0, 8]);
  const [active, setActive] = useState(0);
  const [open, setOpen] = useState<number | null>(null);
  const wantsFocus = useRef(false);

  const columns = Math.max(2, Math.floor((width + GAP) / (size + GAP)));
  const cell = (width - GAP * (columns - 1)) / columns;
  const rowHeight = cell + captionHeight + GAP;
  const rows = Math.ceil(total / columns);

  useEffect(() => {
    if (width === 0) return undefined;
    let frame = 0;
    const look = () => {
      frame = 0;
      const top = place.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / rowHeight) - MORE_ROWS);
      const last = Math.min(rows, Math.ceil((innerHeight - top) / rowHeight) + MORE_ROWS);
      setView((v) => (v[0] === first && v[1] === last ? v : [first, last]));
    };
    const soon = () => { frame ||= requestAnimationFrame(look); };
    look();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, [width, rowHeight, rows]);
  useEffect(() => {
    if (view[1] * columns > items.length && items.length < total) more?.();
  }, [view, items.length, total, columns]);
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    const button = place.current?.querySelector<HTMLElement>(`[data-index="${active}"]`);
    if (!button) return;
    wantsFocus.current = false;
    button.focus({ preventScroll: true });
    button.scrollIntoView({ block: "nearest" });
  });

  const move = (e: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, PageDown: columns * 4, PageUp: -columns * 4,
    };
    const target = e.key === "Home" ? 0 : e.key === "End" ? items.length - 1
      : steps[e.key] === undefined ? null : active + (steps[e.key] as number);
    if (target === null || target < 0 || target >= items.length) return;
    e.preventDefault();
    wantsFocus.current = true;
    setActive(target);
    const row = Math.floor(target / columns);
    if (row < view[0] || row >= view[1]) {
      const top = (place.current?.getBoundingClientRect().top ?? 0) + scrollY + row * rowHeight;
      scrollTo({ top: top - innerHeight / 2 });
    }
  };

  const first = view[0] * columns;
  const shown = items.slice(first, view[1] * columns);
  const shownItem = open === null ? undefined : items[open];
  return (
    <div ref={place} class="gallery" style={{ height: `${Math.max(0, rows * rowHeight - GAP)}px` }}>
      <ul aria-label={label} class="gallery-rows" onKeyDown={move}
        style={{ transform: `translateY(${view[0] * rowHeight}px)`, gridTemplateColumns: `repeat(${columns}, 1fr)`, gap: `${GAP}px` }}>
        {width > 0 && shown.map((item, i) => (
          <li key={`${item.id} ${first + i}`}>
            <button type="button" class="photo" data-index={first + i} tabIndex={first + i === active ? 0 : -1}
              onClick={() => { setActive(first + i); setOpen(first + i); }}>
              <span class="photo-frame" style={{ height: `${cell}px` }}><Thumb id={item.id} size={cell * devicePixelRatio > 200 ? 320 : 200} alt="" /></span>
              <span class="sr-only">{describe(item)}</span>
              {caption && <span class="photo-caption" style={{ height: `${captionHeight}px` }}>{caption(item)}</span>}
            </button>
          </li>
        ))}
      </ul>
      {shownItem && open !== null && (
        <Lightbox item={shownItem} onClose={() => setOpen(null)} detail={detail}
          onStep={(by) => {
            const to = open + by;
            if (to < 0 || to >= items.length) return;
            setOpen(to);
            setActive(to);
            if (to > items.length - 4) more?.();
          }} />
      )}
    </div>
  );
}

function Lightbox<T extends GalleryItem>({ item, onClose, onStep, detail }: {
  item: T; onClose(): void; onStep(by: number): void; detail?: ((item: T) => ComponentChildren) | undefined;
}) {
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.key === "ArrowRight") onStep(1);
      else if (e.key === "ArrowLeft") onStep(-1);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });
  return (
    <Dialog label={item.file} onClose={onClose} className="lightbox">
      <div class="lightbox-photo"><Thumb key={item.id} id={item.id} size={1200} alt={item.file} /></div>
      <div class="lightbox-foot">
        <button type="button" class="icon-button back" aria-label={t("previous")} onClick={() => onStep(-1)}><Icon name="chevron" /></button>
        <div class="lightbox-text"><code>{item.file}</code>{detail?.(item)}</div>
        <button type="button" class="icon-button" aria-label={t("next")} onClick={() => onStep(1)}><Icon name="chevron" /></button>
      </div>
    </Dialog>
  );
}
