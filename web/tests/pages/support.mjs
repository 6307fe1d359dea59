// What the page tests share: a mock server, a browser, and a watch over what pages may not do.

import assert from "node:assert/strict";
import { startMock } from "../mock_server.mjs";
import { launch, openPage } from "./browser.mjs";

export const PAGES = ["home", "data", "models", "train", "curves", "weights", "results", "try", "compare", "graph"];

let browser;
export async function withPage(options, body) {
  browser ??= await launch(options.camera);
  const mock = options.mock ?? await startMock({ scenario: options.scenario ?? "full" });
  const { context, page } = await openPage(browser, options);
  const faults = [];
  const origin = new URL(mock.url).origin;
  page.on("request", (r) => {
    if (!r.url().startsWith(`${origin}/`) && !/^(blob|data):/.test(r.url())) faults.push(`asked ${r.url()}`);
  });
  page.on("pageerror", (e) => faults.push(String(e.stack ?? e)));
  page.on("console", (m) => {
    // While a test has the server away, failed requests are what it is about.
    if (m.type() === "error" && !/ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE|net::ERR/.test(m.text())) faults.push(m.text());
  });
  await page.addInitScript(() => {
    globalThis.violations = [];
    addEventListener("securitypolicyviolation", (e) => globalThis.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
  });
  try {
    await body({ page, mock, context });
    const violations = await page.evaluate(() => globalThis.violations);
    assert.deepEqual(violations, [], "the content security policy was violated");
    assert.deepEqual(faults, [], "errors, or requests to elsewhere");
  } finally {
    await context.close();
    await mock.close();
  }
}

export async function closeBrowser() {
  await browser?.close();
}

export async function go(page, mock, where) {
  await page.goto(`${mock.url}#/${where}`);
  await page.locator("main h1").waitFor();
  await page.waitForFunction(() => !document.querySelector("main .loading"), null, { timeout: 20_000 });
}
