import {
  type ApplicationConfig,
  inject,
  provideAppInitializer,
  provideBrowserGlobalErrorListeners,
} from "@angular/core";
import { provideRouter, withComponentInputBinding, withInMemoryScrolling } from "@angular/router";
import { provideGraphQL } from "./core/apollo";
import { Preferences } from "./core/preferences";
import { routes } from "./app.routes";
import { provideIcons } from "./ui/icons";

export const appConfig: ApplicationConfig = {
  providers: [
    provideBrowserGlobalErrorListeners(),
    provideRouter(
      routes,
      withComponentInputBinding(),
      withInMemoryScrolling({ scrollPositionRestoration: "enabled" }),
    ),
    provideGraphQL(),
    provideIcons(),
    // Before anything is drawn, so that nothing flashes in the wrong colors.
    provideAppInitializer(() => void inject(Preferences)),
  ],
};
