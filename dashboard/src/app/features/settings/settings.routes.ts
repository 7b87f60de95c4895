import type { Routes } from "@angular/router";

export const routes: Routes = [
  {
    path: "",
    loadComponent: () => import("./settings").then((m) => m.Settings),
    children: [
      { path: "", pathMatch: "full", redirectTo: "categories" },
      { path: "categories", loadComponent: () => import("./categories").then((m) => m.Categories) },
      { path: "words", loadComponent: () => import("./words").then((m) => m.Words) },
      { path: "targets", loadComponent: () => import("./targets").then((m) => m.Targets) },
      { path: "assistant", loadComponent: () => import("./assistant").then((m) => m.Assistant) },
      { path: "presets", loadComponent: () => import("./presets").then((m) => m.Presets) },
      { path: "people", loadComponent: () => import("./people").then((m) => m.People) },
      { path: "history", loadComponent: () => import("./history").then((m) => m.History) },
    ],
  },
];
