import { Injectable, effect, signal, type WritableSignal } from "@angular/core";

export type Theme = "system" | "light" | "dark";
export type Language = "es" | "en";

/** What each person chooses for themselves, kept in their browser. */
@Injectable({ providedIn: "root" })
export class Preferences {
  readonly theme = kept<Theme>("tickets.theme", "system");
  /** Null: as the business is configured. */
  readonly language = kept<Language | null>("tickets.language", null);

  constructor() {
    effect(() => {
      document.documentElement.dataset["theme"] = this.theme();
    });
  }
}

function kept<T>(key: string, otherwise: T): WritableSignal<T> {
  const value = signal((localStorage.getItem(key) as T | null) ?? otherwise);
  effect(() => {
    const chosen = value();
    if (chosen === otherwise) localStorage.removeItem(key);
    else localStorage.setItem(key, String(chosen));
  });
  return value;
}
