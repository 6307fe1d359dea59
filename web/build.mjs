// Bundles the page into web/dist: index.html, and under assets/ one style sheet, one script for the
// first page and one a further page. Prints what a browser has to fetch, and fails above the limits.
//
//   node build.mjs [--watch]

import { build, context } from "esbuild";
import { copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

// Bytes of gzipped script and style: for Home, which opens first; for a link straight to Curves, which
// needs the chart library too; for everything.
const LIMITS = { home: 60 * 1024, curves: 68 * 1024, total: 150 * 1024 };

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");

const options = {
  absWorkingDir: here,
  entryPoints: { app: "app/main.tsx" },
  outdir: "dist/assets",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2020", "chrome109", "firefox102", "safari15"],
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
};

// The outputs that `entry` needs before it can show anything: itself and its static imports.
function closure(outputs, entry) {
  const seen = new Set([entry]);
  for (const name of seen) {
    for (const used of outputs[name].imports) {
      if (used.kind === "import-statement") seen.add(used.path);
    }
  }
  return seen;
}

async function report(metafile) {
  const sizes = new Map();
  for (const name of await readdir(join(dist, "assets"))) {
    const bytes = gzipSync(await readFile(join(dist, "assets", name)), { level: 9 }).length;
    sizes.set(`dist/assets/${name}`, bytes);
  }
  const sum = (names) => [...names].reduce((total, name) => total + (sizes.get(name) ?? 0), 0);
  const page = (source) => {
    const chunk = Object.entries(metafile.outputs).find(([, o]) => o.entryPoint === source)[0];
    const needed = closure(metafile.outputs, "dist/assets/app.js");
    for (const name of closure(metafile.outputs, chunk)) needed.add(name);
    needed.add("dist/assets/app.css");
    return sum(needed);
  };
  const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
  const home = page("pages/home.tsx");
  const curves = page("pages/curves.tsx");
  const total = sum(sizes.keys());
  console.log(`web: Home ${kb(home)}, Curves ${kb(curves)}, everything ${kb(total)} (gzip)`);
  for (const [name, bytes] of Object.entries({ home, curves, total })) {
    if (bytes > LIMITS[name]) throw new Error(`web: ${name}: ${kb(bytes)}: more than ${kb(LIMITS[name])}`);
  }
}

await rm(dist, { recursive: true, force: true });
await mkdir(join(dist, "assets"), { recursive: true });
for (const file of ["index.html", "icon.svg"]) await copyFile(join(here, "app", file), join(dist, file));
if (process.argv.includes("--watch")) {
  await (await context(options)).watch();
} else {
  const { metafile } = await build(options);
  await report(metafile);
}
