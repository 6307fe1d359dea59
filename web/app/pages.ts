// The pages' scripts, each fetched when its page is first shown; the one that the address names at once.

import type { ComponentType } from "preact";
import { route, type PageName } from "./router";

interface Script { default: ComponentType }

const LOADERS: Record<PageName, () => Promise<Script>> = {
  home: () => import("../pages/home"),
  data: () => import("../pages/data"),
  models: () => import("../pages/models"),
  train: () => import("../pages/train"),
  curves: () => import("../pages/curves"),
  weights: () => import("../pages/weights"),
  results: () => import("../pages/results"),
  try: () => import("../pages/try"),
  compare: () => import("../pages/compare"),
  graph: () => import("../pages/graph"),
};

const here = new Map<PageName, ComponentType>();

/** The page, when its script is here. */
export const pageIfHere = (page: PageName): ComponentType | undefined => here.get(page);

export async function loadPage(page: PageName): Promise<void> {
  here.set(page, (await LOADERS[page]()).default);
}

/** Resolves when the page that the address names is here, or cannot be had. */
export const firstPage: Promise<void> = loadPage(route.peek().page).catch(() => undefined);
