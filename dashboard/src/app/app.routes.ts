import { inject } from "@angular/core";
import { type CanActivateFn, Router, type Routes } from "@angular/router";
import { keepEdits } from "./ui/confirm";
import { type Permission, Session } from "./core/session";

const signedIn: CanActivateFn = (_, { url }) => {
  if (inject(Session).viewer()) return true;
  return inject(Router).createUrlTree(["/sign-in"], {
    queryParams: url === "/" ? {} : { to: url },
  });
};

const may =
  (permission: Permission): CanActivateFn =>
  () =>
    inject(Session).may(permission) || inject(Router).createUrlTree(["/tickets"]);

export const routes: Routes = [
  {
    path: "sign-in",
    loadComponent: () => import("./features/sign-in/sign-in").then((m) => m.SignIn),
  },
  {
    path: "",
    canActivate: [signedIn],
    loadComponent: () => import("./shell/shell").then((m) => m.Shell),
    children: [
      { path: "", pathMatch: "full", redirectTo: "tickets" },
      {
        path: "tickets",
        loadComponent: () => import("./features/tickets/ticket-list").then((m) => m.TicketList),
      },
      {
        path: "tickets/new",
        canDeactivate: [keepEdits],
        loadComponent: () => import("./features/new-ticket/new-ticket").then((m) => m.NewTicket),
      },
      {
        path: "tickets/:ticketId",
        loadComponent: () => import("./features/ticket/ticket-page").then((m) => m.TicketPage),
      },
      {
        path: "customers",
        loadComponent: () =>
          import("./features/customers/customer-list").then((m) => m.CustomerList),
      },
      {
        path: "customers/:id",
        loadComponent: () =>
          import("./features/customers/customer-page").then((m) => m.CustomerPage),
      },
      {
        path: "conversations/:id",
        loadComponent: () =>
          import("./features/conversation/conversation-page").then((m) => m.ConversationPage),
      },
      {
        path: "overview",
        loadComponent: () => import("./features/overview/overview").then((m) => m.Overview),
      },
      {
        path: "settings",
        canActivate: [may("configuration:manage")],
        loadChildren: () => import("./features/settings/settings.routes").then((m) => m.routes),
      },
    ],
  },
  { path: "**", redirectTo: "tickets" },
];
