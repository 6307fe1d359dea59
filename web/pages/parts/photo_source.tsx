// Where a photo to try comes from: dropped, chosen, pasted, or out of the camera.

import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../app/icons";
import { t } from "../../i18n";

export const LARGEST_BYTES = 20 * 1024 * 1024; // what the server takes

/** Photos that are dropped anywhere on the page or pasted; answers whether one hovers above. */
export function useDroppedPhotos(take: (photo: Blob) => void): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const files = (e: DragEvent) => e.dataTransfer?.types.includes("Files") ?? false;
    const enter = (e: DragEvent) => { if (files(e)) { depth++; setOver(true); } };
    const leave = (e: DragEvent) => { if (files(e) && --depth <= 0) setOver(false); };
    const hold = (e: DragEvent) => { if (files(e)) e.preventDefault(); };
    const drop = (e: DragEvent) => {
      depth = 0;
      setOver(false);
      const file = e.dataTransfer?.files[0];
      if (!file) return;
      e.preventDefault();
      take(file);
    };
    const paste = (e: ClipboardEvent) => {
      const file = [...(e.clipboardData?.files ?? [])][0];
      if (file) take(file);
    };
    const pairs: [string, EventListener][] = [["dragenter", enter as EventListener], ["dragleave", leave as EventListener],
      ["dragover", hold as EventListener], ["drop", drop as EventListener], ["paste", paste as EventListener]];
    for (const [name, listener] of pairs) document.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of pairs) document.removeEventListener(name, listener);
    };
  }, [take]);
  return over;
}

export function ChooseFile({ take }: { take(photo: Blob): void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input ref={input} type="file" accept="image/*" class="sr-only" tabIndex={-1} aria-label={t("try.choose")}
        onChange={(e) => {
          const file = e.currentTarget.files?.[0];
          if (file) take(file);
          e.currentTarget.value = "";
        }} />
      <button type="button" class="button primary" onClick={() => input.current?.click()}><Icon name="upload" /> {t("try.choose")}</button>
    </>
  );
}

function cameraMessage(error: unknown): string {
  const name = (error as DOMException).name;
  if (name === "NotAllowedError" || name === "SecurityError") return t("try.camera.denied");
  if (name === "NotFoundError" || name === "OverconstrainedError") return t("try.camera.none");
  if (name === "NotReadableError") return t("try.camera.busy");
  return t("try.camera.failed", { cause: String((error as Error).message ?? error) });
}

/**
 * The camera's picture; hands out a frame as JPEG whenever the one before has been answered (`take`
 * answers a promise), so that slow machines get fewer frames, not a queue.
 */
export function Camera({ take, onError }: { take(frame: Blob): Promise<void>; onError(message: string): void }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    let over = false;
    let stream: MediaStream | null = null;
    const canvas = document.createElement("canvas");
    const frame = async () => {
      const source = video.current;
      if (over || source === null) return;
      if (source.videoWidth > 0 && !document.hidden) {
        const scale = Math.min(1, 640 / Math.max(source.videoWidth, source.videoHeight));
        canvas.width = Math.round(source.videoWidth * scale);
        canvas.height = Math.round(source.videoHeight * scale);
        canvas.getContext("2d")?.drawImage(source, 0, 0, canvas.width, canvas.height);
        const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.9));
        if (blob !== null && !over) await take(blob);
      }
      setTimeout(() => void frame(), 60);
    };
    const begin = async () => {
      try {
        if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "SecurityError");
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
        if (over || video.current === null) {
          stream.getTracks().forEach((track) => track.stop());
          return;
        }
        video.current.srcObject = stream;
        await video.current.play();
        void frame();
      } catch (error) {
        if (!over) onError(cameraMessage(error));
      }
    };
    void begin();
    return () => {
      over = true;
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, []);
  return <video ref={video} muted playsInline aria-label={t("try.camera.picture")} />;
}
