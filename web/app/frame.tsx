// What is around every page: name, where the numbers come from, whether they are live, the pages,
// language, light or dark, help.

import { useEffect, useState } from "preact/hooks";
import { language, setLanguage, t, type Key } from "../i18n";
import { connection, loadAll, status } from "../runs/store";
import { Help } from "./help";
import { Chinese, Icon, Logo } from "./icons";
import { loadPage, pageIfHere } from "./pages";
import { link, PAGES, route, type PageName } from "./router";
import { installShortcuts } from "./shortcuts";
import { dark, toggleTheme } from "./theme";
import { Loading, messageOf, Notice } from "./ui";

function Logdir() {
  const dirs = status.value?.logdirs ?? [];
  const state = connection.value;
  const last = (path: string) => path.replace(/\/+$/, "").split("/").slice(-2).join("/");
  const text = dirs.map((d) => last(d.path)).join(", ");
  const polling = status.value?.live === "polling" && state === "live";
  const word = t(`live.${polling ? "polling" : state}` as Key);
  return (
    <a class="logdir" href={link("home")} title={[...dirs.map((d) => d.path), status.value?.live_reason ?? ""].join("\n").trim()}>
      <span class="logdir-path">{text}</span>
      <span class={`live ${state}`}><span class="live-dot" aria-hidden="true" /><span class="live-word" role="status">{word}</span></span>
    </a>
  );
}

function Lost() {
  if (connection.value !== "lost") return null;
  return (
    <div class="banner" role="alert">
      <span><strong>{t("lost.title")}</strong> {t("lost.text")}</span>
      <button type="button" class="button small" onClick={() => void loadAll()}>{t("lost.retry")}</button>
    </div>
  );
}

function Current({ page }: { page: PageName }) {
  const [failure, setFailure] = useState<{ page: PageName; error: unknown } | null>(null);
  const [, setTurn] = useState(0);
  const Shown = pageIfHere(page);
  useEffect(() => {
    if (Shown !== undefined) return;
    loadPage(page).then(() => setTurn((n) => n + 1), (error: unknown) => setFailure({ page, error }));
  }, [page]);
  useEffect(() => {
    document.title = `${t(`page.${page}`)} · Graft`;
  });
  if (Shown !== undefined) return <Shown />;
  if (failure?.page === page) return <main id="main" class="page" tabIndex={-1}><h1>{t(`page.${page}`)}</h1><Notice kind="error">{messageOf(failure.error)}</Notice></main>;
  return <main id="main" class="page" tabIndex={-1}><Loading /></main>;
}

export function App() {
  const { page } = route.value;
  const [help, setHelp] = useState(false);
  useEffect(() => installShortcuts({
    help: () => setHelp(true),
    language: () => void setLanguage(language.peek() === "en" ? "zh" : "en"),
    theme: toggleTheme,
  }), []);
  useEffect(() => {
    document.querySelector('.nav [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [page]);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById("main")?.focus(); }}>{t("skip")}</a>
      <header class="top">
        <a class="brand" href={link("home")} aria-label="Graft"><Logo /><span>Graft</span></a>
        <Logdir />
        <nav class="nav" aria-label={t("nav")}>
          {PAGES.map((name) => (
            <a key={name} href={link(name)} aria-current={name === page ? "page" : undefined}>{t(`page.${name}`)}</a>
          ))}
        </nav>
        <div class="tools">
          <button type="button" class="icon-button text" lang={language.value === "en" ? "zh-CN" : "en"}
            aria-label={language.value === "en" ? "中文" : undefined}
            onClick={() => void setLanguage(language.value === "en" ? "zh" : "en")}>
            {language.value === "en" ? <Chinese /> : "EN"}
          </button>
          <button type="button" class="icon-button" aria-label={dark.value ? t("theme.light") : t("theme.dark")} onClick={toggleTheme}>
            <Icon name={dark.value ? "sun" : "moon"} />
          </button>
          <button type="button" class="icon-button" aria-label={t("help")} onClick={() => setHelp(true)}><Icon name="help" /></button>
        </div>
      </header>
      <Lost />
      <Current page={page} />
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  );
}
