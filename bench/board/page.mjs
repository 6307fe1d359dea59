// The board in a real browser: prints, in milliseconds, how long people wait to see things.
//
//   node bench/board/page.mjs paint URL TIMES WAIT   first contentful paint of the Home page, in a new
//                                                     context each time: nothing is cached
//   node bench/board/page.mjs empty TIMES WAIT       the same of a page that is one word: what the
//                                                     browser itself takes
//   node bench/board/page.mjs screen URL POINTS TIMES WAIT [tab]  from asking for the Curves page until a
//                                                     curve that ends at step POINTS - 1 is painted; tab:
//                                                     in a tab opened in the same moment, as by a link
//   node bench/board/page.mjs pixel URL COMMAND…      runs COMMAND, which prints "step seconds" of each
//                                                     event that it writes, and compares with when the
//                                                     frame that shows the step was painted
//
// A new context is a new window, in which Chromium sets up its own things (the list beneath the address
// bar alone is half a second of processor time) for a second or two, beside the page. WAIT: milliseconds
// that the window stands before the page is asked for; 0: what that costs is part of the figure.
//
// A curve says its last step in aria-valuemax when it is drawn; the frame is painted when the task
// after the next animation frame runs.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { launch, openPage } from "../../web/tests/pages/browser.mjs";

const sorted = (values) => [...values].sort((a, b) => a - b);
const quantile = (values, share) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * share))];
const report = (values) => console.log(`${quantile(values, 0.5).toFixed(1)} ${quantile(values, 0.95).toFixed(1)} ${values.length}`);

/** Notes in the page when each last step was first on the screen: [[step, milliseconds since 1970]]. */
const watchCurves = () => {
  globalThis.painted = [];
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const step = Number(target.getAttribute("aria-valuemax"));
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => globalThis.painted.push([step, performance.timeOrigin + performance.now()]);
        channel.port2.postMessage(0);
      });
    }
  }).observe(document, { attributes: true, attributeFilter: ["aria-valuemax"], subtree: true });
};

async function paint(browser, url, times, wait) {
  const taken = [];
  for (let i = 0; i < times; i++) {
    const { context, page } = await openPage(browser);
    await page.waitForTimeout(wait);
    await page.goto(url);
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    taken.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    await context.close();
  }
  return taken;
}

async function empty(browser, times, wait) {
  const server = createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>.</title>Word"));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const taken = await paint(browser, `http://127.0.0.1:${server.address().port}/`, times, wait);
  server.closeAllConnections();
  server.close();
  return taken;
}

async function screen(browser, url, points, times, wait, tab) {
  const taken = [];
  for (let i = 0; i < times; i++) {
    const { context, page: first } = await openPage(browser);
    await context.addInitScript(watchCurves);
    await first.waitForTimeout(wait);
    const page = tab ? await context.newPage() : first;
    await page.goto(`${url}#/curves`);
    await page.waitForFunction((last) => globalThis.painted?.some(([step]) => step === last), points - 1, { timeout: 60_000 });
    taken.push(await page.evaluate((last) => globalThis.painted.find(([step]) => step === last)[1] - performance.timeOrigin, points - 1));
    await context.close();
  }
  return taken;
}

async function pixel(browser, url, command) {
  const { context, page } = await openPage(browser);
  await page.addInitScript(watchCurves);
  await page.goto(`${url}#/curves`);
  await page.locator("main h1").waitFor();
  const written = [];
  const writer = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: writer.stdout })) written.push(line.split(" ").map(Number));
  await page.waitForTimeout(1000);
  const painted = await page.evaluate(() => globalThis.painted);
  await context.close();
  const taken = [];
  // The first makes the run known, which the page is told of as a whole.
  for (const [step, seconds] of written.slice(1)) {
    const shown = painted.find(([last]) => last >= step);
    if (shown) taken.push(shown[1] - seconds * 1000);
  }
  if (taken.length < written.length * 0.9) throw new Error(`only ${taken.length} of ${written.length} events were seen`);
  return taken;
}

const [what, url, ...rest] = process.argv.slice(2);
const browser = await launch();
try {
  if (what === "paint") report(await paint(browser, url, Number(rest[0]), Number(rest[1])));
  else if (what === "empty") report(await empty(browser, Number(url), Number(rest[0])));
  else if (what === "screen") report(await screen(browser, url, Number(rest[0]), Number(rest[1]), Number(rest[2]), rest[3] === "tab"));
  else if (what === "pixel") report(await pixel(browser, url, rest));
  else throw new Error("usage: page.mjs paint|screen|pixel URL …, page.mjs empty …");
} finally {
  await browser.close();
}
