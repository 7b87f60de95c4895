import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./style.css";

import { SessionMenu } from "./SessionMenu.jsx";
import { fetcher } from "./fetcher.js";
import { defaultTabs, showFirstTab } from "./tabs.js";

showFirstTab();

// GraphiQL would turn a given `true` on again at each load, and with `false` take the switch away.
const persistsHeaders = localStorage.getItem("graphiql:shouldPersistHeaders") !== "false";

const plugins = [explorerPlugin({ showAttribution: false })];

createRoot(document.getElementById("graphiql")).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    defaultTabs={defaultTabs}
    defaultQuery=""
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders={persistsHeaders || undefined}
    inputValueDeprecation
  >
    <GraphiQL.Logo>
      <SessionMenu />
    </GraphiQL.Logo>
  </GraphiQL>,
);
