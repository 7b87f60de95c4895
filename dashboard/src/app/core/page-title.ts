import { computed, effect, inject } from "@angular/core";
import { Title } from "@angular/platform-browser";
import { I18n } from "./i18n";

/** Names the page in its tab and in the browser's history. Call it while injecting. */
export function titlePage(name: () => string | null | undefined): void {
  const title = inject(Title);
  const t = inject(I18n).t;
  const whole = computed(() => [name(), t().appName].filter(Boolean).join(" · "));
  effect(() => title.setTitle(whole()));
}
