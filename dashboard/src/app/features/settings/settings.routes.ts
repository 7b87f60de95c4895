import type { Routes } from "@angular/router";
import { keepEdits } from "../../ui/confirm";

export const routes: Routes = [
  {
    path: "",
    loadComponent: () => import("./settings").then((m) => m.Settings),
    children: [
      { path: "", pathMatch: "full", redirectTo: "categories" },
      {
        path: "categories",
        canDeactivate: [keepEdits],
        loadComponent: () => import("./categories").then((m) => m.Categories),
      },
      {
        path: "words",
        canDeactivate: [keepEdits],
        loadComponent: () => import("./words").then((m) => m.Words),
      },
      {
        path: "targets",
        canDeactivate: [keepEdits],
        loadComponent: () => import("./targets").then((m) => m.Targets),
      },
      {
        path: "assistant",
        canDeactivate: [keepEdits],
        loadComponent: () => import("./assistant").then((m) => m.Assistant),
      },
      {
        path: "general",
        canDeactivate: [keepEdits],
        loadComponent: () => import("./general").then((m) => m.General),
      },
      { path: "presets", loadComponent: () => import("./presets").then((m) => m.Presets) },
      { path: "people", loadComponent: () => import("./people").then((m) => m.People) },
      { path: "history", loadComponent: () => import("./history").then((m) => m.History) },
    ],
  },
];
