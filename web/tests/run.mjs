// The tests: pure modules (bundled, because they are TypeScript), then the pages in a browser.
// Prints PASS, FAIL and SKIP lines, one a case; exit status 1 after a failure.
//
//   node tests/run.mjs [unit] [pages]

import { spawnSync } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const web = join(here, "..");
const bundles = join(web, ".tests");

async function bundleUnits() {
  await rm(bundles, { recursive: true, force: true });
  await mkdir(bundles);
  const sources = (await readdir(join(here, "unit"))).filter((name) => name.endsWith(".test.ts"));
  await build({
    absWorkingDir: web,
    entryPoints: sources.map((name) => `tests/unit/${name}`),
    outdir: ".tests",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node18",
    logLevel: "warning",
  });
  return sources.map((name) => join(bundles, name.replace(/\.ts$/, ".mjs")));
}

/** Runs one file by node's own test runner and turns its TAP into our lines. */
function runFile(file) {
  const reporter = Number(process.versions.node.split(".")[0]) >= 19 ? ["--test-reporter=tap"] : [];
  const { stdout, stderr, status } = spawnSync(process.execPath, [...reporter, file], {
    cwd: web, encoding: "utf8", timeout: 900_000, env: { ...process.env, NODE_TEST_CONTEXT: "" },
  });
  let counted = 0;
  for (const line of stdout.split("\n")) {
    const match = /^(not ok|ok) \d+ - (.*?)(?: # (SKIP|TODO).*)?$/.exec(line);
    if (!match) continue;
    counted++;
    console.log(`${match[3] ? "SKIP" : match[1] === "ok" ? "PASS" : "FAIL"} web: ${match[2]}`);
  }
  if (counted === 0) console.log(`FAIL web: ${file}: ran no test`);
  const failed = status !== 0 || counted === 0;
  if (failed) console.log([stdout, stderr].join("\n").trimEnd());
  return !failed;
}

const chosen = process.argv.slice(2);
const wants = (part) => chosen.length === 0 || chosen.includes(part);
let ok = true;
if (wants("unit")) for (const file of await bundleUnits()) ok = runFile(file) && ok;
if (wants("pages")) {
  const { executable } = await import("./pages/browser.mjs");
  if (executable === undefined) {
    console.log("SKIP web: pages: no Chromium is here: apt-get install chromium");
  } else {
    const files = (await readdir(join(here, "pages"))).filter((name) => name.endsWith(".test.mjs")).sort();
    for (const name of files) ok = runFile(join(here, "pages", name)) && ok;
  }
}
process.exit(ok ? 0 : 1);
