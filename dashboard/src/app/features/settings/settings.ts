import { Component, type ElementRef, computed, effect, inject, viewChildren } from "@angular/core";
import { toSignal } from "@angular/core/rxjs-interop";
import { NavigationEnd, Router, RouterLink, RouterLinkActive, RouterOutlet } from "@angular/router";
import { filter } from "rxjs";
import { I18n } from "../../core/i18n";
import { titlePage } from "../../core/page-title";
import { Empty } from "../../ui/empty";
import { ConfigurationStore } from "./configuration-store";
import { SettingsConflictDialog } from "./conflict-dialog";
import { SettingsMessages } from "./messages";

@Component({
  selector: "app-settings",
  imports: [Empty, RouterLink, RouterLinkActive, RouterOutlet, SettingsConflictDialog],
  template: `
    <header class="border-line bg-surface border-b px-4 pt-3 md:px-6">
      <h1 class="mb-2 text-base font-semibold">{{ t().nav.settings }}</h1>
      <nav class="-mb-px flex gap-1 overflow-x-auto" [attr.aria-label]="t().nav.settings">
        @for (page of pages(); track page.link) {
          <a
            #link
            class="text-muted hover:text-ink flex h-9 items-center border-b-2 border-transparent px-3 font-medium whitespace-nowrap"
            [routerLink]="page.link"
            routerLinkActive="!border-accent !text-ink"
            ariaCurrentWhenActive="page"
            >{{ page.label }}</a
          >
        }
      </nav>
    </header>
    <div class="mx-auto max-w-5xl p-4 md:p-6">
      @if (store.configuration()) {
        <router-outlet />
      } @else if (store.failed()) {
        <app-empty icon="cloud-off" [heading]="t().loadFailed">
          <button type="button" class="btn" (click)="store.reload()">{{ t().retry }}</button>
        </app-empty>
      } @else {
        <div class="skeleton h-64" aria-busy="true"></div>
      }
    </div>
    <app-settings-conflict />
  `,
})
export class Settings {
  private readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
  protected readonly store = inject(ConfigurationStore);
  protected readonly pages = computed(() => {
    const s = this.s();
    return [
      { link: "categories", label: s.categories },
      { link: "words", label: s.words },
      { link: "targets", label: s.targets },
      { link: "assistant", label: s.assistant },
      { link: "presets", label: s.presets },
      { link: "general", label: s.general },
      { link: "people", label: s.people },
      { link: "history", label: s.history },
    ];
  });
  private readonly links = viewChildren<ElementRef<HTMLElement>>("link");

  constructor() {
    const router = inject(Router);
    const navigated = toSignal(
      router.events.pipe(filter((event) => event instanceof NavigationEnd)),
    );
    const shown = computed(() => {
      navigated();
      return this.pages().findIndex(({ link }) => router.url.startsWith(`/settings/${link}`));
    });
    titlePage(() => this.pages()[shown()]?.label ?? this.t().nav.settings);
    // On a phone not all of them fit.
    effect(() =>
      this.links()[shown()]?.nativeElement.scrollIntoView({ inline: "center", block: "nearest" }),
    );
  }
}
