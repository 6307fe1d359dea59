// Where the page begins.

import { firstPage } from "./pages"; // first: its script is asked for before the others are run
import { render } from "preact";
import { ready } from "../i18n";
import { askForFirstCurves } from "../pages/parts/curves_asked";
import { begin, follow } from "../runs/store";
import { App } from "./frame";
import { route } from "./router";
import "./theme";

begin();
const firstCurves = route.peek().page === "curves" ? askForFirstCurves() : undefined;
void Promise.all([ready, firstPage, firstCurves]).then(() => {
  render(<App />, document.getElementById("app") as HTMLElement);
  follow();
});
