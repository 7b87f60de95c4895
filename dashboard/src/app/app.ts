import { Component, effect, inject } from "@angular/core";
import { Router, RouterOutlet } from "@angular/router";
import { Apollo } from "apollo-angular";
import { Session } from "./core/session";
import { ToastList } from "./ui/toast-list";

@Component({
  selector: "app-root",
  imports: [RouterOutlet, ToastList],
  template: "<router-outlet /><app-toast-list />",
})
export class App {
  constructor() {
    const session = inject(Session);
    const router = inject(Router);
    const apollo = inject(Apollo);
    let wasSignedIn = session.viewer() !== null;
    effect(() => {
      const isSignedIn = session.viewer() !== null;
      if (wasSignedIn && !isSignedIn) {
        // What the last person saw is not for the next one.
        void apollo.client.clearStore();
        void router.navigate(["/sign-in"], { queryParams: { to: router.url } });
      }
      wasSignedIn = isSignedIn;
    });
  }
}
