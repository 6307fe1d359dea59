// Rules of the house that a compiler does not know.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const ROOMS = ["api", "app", "charts", "i18n", "pages", "runs"];

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]);
}
const sources = ROOMS.flatMap(filesIn);
const code = sources.filter((name) => /\.tsx?$/.test(name)).map((name) => ({ name, text: readFileSync(name, "utf8") }));

test("files stay below 400 lines", () => {
  for (const name of sources) {
    const lines = readFileSync(name, "utf8").split("\n").length - 1;
    assert.ok(lines < 400, `${name} has ${lines}`);
  }
});

test("only web/api asks the server", () => {
  for (const { name, text } of code) {
    if (name.startsWith("api/")) continue;
    assert.doesNotMatch(text, /\bfetch\(|EventSource|XMLHttpRequest|sendBeacon|WebSocket/, name);
  }
});

test("charts know nothing of the framework, the server or languages", () => {
  for (const { name, text } of code.filter((c) => c.name.startsWith("charts/"))) {
    for (const [, from] of text.matchAll(/from "([^"]+)"/g)) assert.match(from as string, /^(\.\/|uplot)/, name);
  }
});

test("no script or style in markup, nothing from elsewhere", () => {
  const page = readFileSync("app/index.html", "utf8");
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
  assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//);
  assert.match(page, /<meta name="graft-token" content="__GRAFT_TOKEN__">/);
  for (const { name, text } of code) {
    assert.doesNotMatch(text, /dangerouslySetInnerHTML|innerHTML|\beval\(|new Function\(|style="/, name);
  }
});

test("every word is used", () => {
  const all = code.filter((c) => !/^i18n\/(en|zh)\.ts$/.test(c.name)).map((c) => c.text).join("\n");
  const dynamic = /^(page|home\.(data|models|train|try)$|kind|live|state|stage|split|problem|axis|compare\.(fixed|broken)|curves\.(accuracy|loss)\.hint)(\.|$)/;
  for (const [, key] of readFileSync("i18n/en.ts", "utf8").matchAll(/^ {2}"([\w.]+)":/gm)) {
    assert.ok(dynamic.test(key as string) || all.includes(`"${key}"`), `${key} is not used`);
  }
});

test("the lock file names no registry", () => {
  assert.doesNotMatch(readFileSync("package-lock.json", "utf8"), /"resolved"/);
});
