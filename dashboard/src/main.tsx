// Starts the page: theme, address, session, stream, then what is drawn.
import { render } from "preact";
import { startLive } from "./live";
import { startRouter } from "./router";
import { startSession } from "./session";
import { App } from "./shell/App";
import { startTheme } from "./theme";

startTheme();
startRouter();
startSession();
startLive();

const host = document.getElementById("page");
if (host) render(<App />, host);
