import { bootstrapApplication } from "@angular/platform-browser";
import { App } from "./app/app";
import { appConfig } from "./app/app.config";

// The page with which most begin is on its way while the rest starts.
if (["/", "/tickets"].includes(location.pathname)) {
  void import("./app/shell/shell");
  void import("./app/features/tickets/ticket-list");
}
bootstrapApplication(App, appConfig).catch((error: unknown) => console.error(error));
