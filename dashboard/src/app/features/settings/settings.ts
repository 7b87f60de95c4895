import { Component, computed, inject } from "@angular/core";
import { RouterLink, RouterLinkActive, RouterOutlet } from "@angular/router";
import { I18n } from "../../core/i18n";
import { ConfigurationStore } from "./configuration-store";
import { SettingsMessages } from "./messages";

@Component({
  selector: "app-settings",
  imports: [RouterLink, RouterLinkActive, RouterOutlet],
  template: `
    <header class="border-line bg-surface border-b px-4 pt-3 md:px-6">
      <h1 class="mb-2 text-base font-semibold">{{ t().nav.settings }}</h1>
      <nav class="-mb-px flex gap-1 overflow-x-auto" [attr.aria-label]="t().nav.settings">
        @for (page of pages(); track page.link) {
          <a
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
      @if (configuration()) {
        <router-outlet />
      } @else {
        <div class="skeleton h-64" aria-busy="true"></div>
      }
    </div>
  `,
})
export class Settings {
  private readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
  protected readonly configuration = inject(ConfigurationStore).configuration;
  protected readonly pages = computed(() => {
    const s = this.s();
    return [
      { link: "categories", label: s.categories },
      { link: "words", label: s.words },
      { link: "targets", label: s.targets },
      { link: "assistant", label: s.assistant },
      { link: "presets", label: s.presets },
      { link: "people", label: s.people },
      { link: "history", label: s.history },
    ];
  });
}
