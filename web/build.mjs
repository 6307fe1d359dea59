// Bundles the page into web/dist: index.html, and under assets/ one style sheet, one script for the
// first page and one a further page. Prints what a browser has to fetch, and fails above the limits.
//
//   node build.mjs [--watch]

import { build, context } from "esbuild";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

// Bytes of gzipped script and style: for Home, which opens first; for a link straight to Curves, which
// needs the chart library too; for everything.
const LIMITS = { home: 60 * 1024, curves: 68 * 1024, total: 150 * 1024 };

const FIRST = "app/main.tsx";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");

// uPlot prepares for writing numbers and dates when it is loaded. A browser's first use of Intl takes
// some 25 ms, and it writes nothing of ours: what axes and tooltips say is said by web/charts.
const withoutIntl = {
  name: "without-intl",
  setup: ({ onLoad }) => onLoad({ filter: /uPlot\.esm\.js$/ }, async ({ path }) => {
    let contents = await readFile(path, "utf8");
    for (const [asked, instead] of [["new Intl.DateTimeFormat().resolvedOptions().timeZone", "undefined"],
      ["new Intl.NumberFormat(domEnv ? nav.language : 'en-US')", "{ format: String }"]]) {
      if (contents.split(asked).length !== 2) throw new Error(`uPlot: no longer says ${asked} once: see build.mjs`);
      contents = contents.replace(asked, instead);
    }
    return { contents };
  }),
};

// Small modules that several pages share: in the first script they cost less than as requests.
const SHARED = ["app/use.ts", "charts/line_data.ts", "pages/parts/curves_asked.ts", "pages/parts/network.ts", "pages/parts/run_name.ts",
  "pages/parts/stage.ts", "pages/parts/training_choice.tsx", "runs/filter.ts"];

// Whatever is fetched later needs the first script, and says so here: then the bundler splits nothing
// off that.
const oneFirstScript = {
  name: "one-first-script",
  setup: ({ onLoad }) => onLoad({ filter: /([\\/]app[\\/]main|[\\/]pages[\\/]\w+|downloads|sound|zh)\.tsx?$/ }, async ({ path }) => {
    const used = path === join(here, FIRST) ? SHARED : [FIRST];
    const imports = used.map((name) => `import ${JSON.stringify(join(here, name))};`).join("\n");
    return { contents: `${await readFile(path, "utf8")}\n${imports}\n`, loader: path.endsWith("x") ? "tsx" : "ts" };
  }),
};

const options = {
  absWorkingDir: here,
  entryPoints: [{ in: FIRST, out: "app" }, { in: "app/styles/all.css", out: "app" }],
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
  write: false,
  plugins: [withoutIntl, oneFirstScript],
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

// What the bundler calls app.js only names the chunk that holds it all: that takes its place. And where
// it fetches a page, it fetches at once what that page imports, which a browser would see only in the
// page's own script.
async function write({ outputFiles, metafile: { outputs } }) {
  const [{ path: stub }] = outputs["dist/assets/app.js"].imports;
  const nameOf = (path) => (path === stub ? "app.js" : basename(path));
  const parts = (path) => [...closure(outputs, path)].filter((name) => name !== stub).reverse();
  for (const { path, text } of outputFiles) {
    const name = `dist/assets/${basename(path)}`;
    if (name === "dist/assets/app.js") continue;
    const renamed = text.replaceAll(basename(stub), "app.js");
    await writeFile(join(dist, "assets", nameOf(name)), name !== stub ? renamed
      : renamed.replace(/import\("\.\/([^"]+)"\)/g, (_, page) => `Promise.all([${parts(`dist/assets/${page}`)
        .map((part) => `import("./${nameOf(part)}")`).join()}]).then(all=>all.pop())`));
  }
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
  await (await context({ ...options, write: true })).watch();
} else {
  const built = await build(options);
  await write(built);
  await report(built.metafile);
}
