// Where the page begins.

import { firstPage } from "./pages"; // first: its script is asked for before the others are run
import { render } from "preact";
import { ready } from "../i18n";
import { begin, follow } from "../runs/store";
import { App } from "./frame";
import "./theme";

begin();
void Promise.all([ready, firstPage]).then(() => {
  render(<App />, document.getElementById("app") as HTMLElement);
  follow();
});
