import { Component, type ElementRef, computed, inject, signal, viewChild } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { NavigationEnd, Router, RouterLink, RouterLinkActive, RouterOutlet } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { distinctUntilChanged, filter, map, skip } from "rxjs";
import { Feed, type TicketEvent } from "../core/feed";
import { I18n } from "../core/i18n";
import { Preferences, type Theme } from "../core/preferences";
import { Session } from "../core/session";
import { Shortcuts } from "../core/shortcuts";
import { Socket } from "../core/socket";
import { Toasts } from "../core/toasts";
import { ConfirmDialog } from "../ui/confirm";
import { Dialog } from "../ui/dialog";
import { Dismiss } from "../ui/dismiss";

@Component({
  selector: "app-shell",
  imports: [
    ConfirmDialog,
    Dialog,
    Dismiss,
    LucideDynamicIcon,
    RouterLink,
    RouterLinkActive,
    RouterOutlet,
  ],
  templateUrl: "./shell.html",
})
export class Shell {
  protected readonly session = inject(Session);
  protected readonly preferences = inject(Preferences);
  protected readonly t = inject(I18n).t;
  private readonly toasts = inject(Toasts);

  protected readonly viewer = this.session.viewer;
  protected readonly themes: readonly Theme[] = ["system", "light", "dark"];
  protected readonly connection = inject(Socket).state;
  protected readonly connectionText = computed(() => this.t().connection[this.connection()]);
  protected readonly help = signal(false);
  private readonly content = viewChild.required<ElementRef<HTMLElement>>("content");

  protected readonly items = computed(() => {
    const t = this.t();
    return [
      { link: "/tickets", icon: "inbox", label: t.tickets },
      { link: "/customers", icon: "users", label: t.nav.customers },
      { link: "/overview", icon: "chart-column", label: t.nav.overview },
      ...(this.session.may("configuration:manage")
        ? [{ link: "/settings", icon: "settings", label: t.nav.settings }]
        : []),
    ];
  });

  protected readonly shortcuts = computed(() => {
    const { search, down, up, open, select, create, help } = this.t().shortcuts;
    return [
      { keys: "/", does: search },
      { keys: "j", does: down },
      { keys: "k", does: up },
      { keys: "Enter", does: open },
      { keys: "x", does: select },
      { keys: "c", does: create },
      { keys: "?", does: help },
    ];
  });

  constructor() {
    const router = inject(Router);
    inject(Shortcuts).bind({
      "?": () => this.help.set(true),
      c: () => void router.navigate(["/tickets/new"]),
      "/": () => void router.navigate(["/tickets"]),
    });
    // To another page goes the focus too, for who reads by ear or moves by keys.
    router.events
      .pipe(
        filter((event) => event instanceof NavigationEnd),
        map(({ urlAfterRedirects }) => urlAfterRedirects.split("?")[0]),
        distinctUntilChanged(),
        skip(1),
        takeUntilDestroyed(),
      )
      .subscribe(() => this.content().nativeElement.focus({ preventScroll: true }));
    inject(Feed)
      .all.pipe(takeUntilDestroyed())
      .subscribe((message) => {
        if (message.kind === "event") this.announce(message.event);
      });
  }

  /** A ticket that somebody else opened. */
  private announce({ __typename, actor, ticket }: TicketEvent): void {
    if (__typename !== "TicketCreated" || !ticket || actor.agent?.id === this.viewer()?.id) return;
    this.toasts.show({
      kind: "info",
      title: this.t().list.entered(ticket.ticketId),
      detail: ticket.subject,
      link: ["/tickets", ticket.ticketId],
    });
  }
}
