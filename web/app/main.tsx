// Where the page begins.

import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/curves.css";
import "./styles/photos.css";
import "./styles/pages.css";
import { render } from "preact";
import { ready } from "../i18n";
import { follow } from "../runs/store";
import { App } from "./frame";
import "./theme";

follow();
void ready.then(() => render(<App />, document.getElementById("app") as HTMLElement));
