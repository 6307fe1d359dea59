// Debian's Chromium through playwright-core.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const executable = PLACES.find((place) => place && existsSync(place));

/** camera: the file (.y4m) that the camera shows; without it Chromium's own test picture. */
export const launch = (camera) => chromium.launch({
  executablePath: executable,
  args: ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required",
    ...(camera === undefined ? [] : [`--use-file-for-fake-video-capture=${camera}`])],
});

/** A page with the language and the colours that are wanted, as after a person chose them. */
export async function openPage(browser, { language = "en", theme = "light", width = 1360, height = 900, reducedMotion = "reduce" } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion, acceptDownloads: true });
  await context.addInitScript(`if (location.protocol === "http:") localStorage.setItem("graft.language", ${JSON.stringify(JSON.stringify(language))})`);
  const page = await context.newPage();
  return { context, page };
}
