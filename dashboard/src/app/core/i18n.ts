import { DOCUMENT, Injectable, computed, effect, inject } from "@angular/core";
import { Business } from "./business";
import { en } from "./en";
import { es } from "./es";
import { Preferences, type Language } from "./preferences";
import type { Problem } from "./problems";

/** The configured terminology. */
export interface Nouns {
  ticketSingular: string;
  ticketPlural: string;
  createVerb: string;
  customerNoun: string;
  agentNoun: string;
  resolveVerb: string;
}

export type Messages = ReturnType<typeof en>;

/** Until the configuration is known, as on the way in. */
const COMMON_NOUNS: Record<Language, Nouns> = {
  en: {
    ticketSingular: "ticket",
    ticketPlural: "tickets",
    createVerb: "open",
    customerNoun: "customer",
    agentNoun: "agent",
    resolveVerb: "resolve",
  },
  es: {
    ticketSingular: "ticket",
    ticketPlural: "tickets",
    createVerb: "abrir",
    customerNoun: "cliente",
    agentNoun: "agente",
    resolveVerb: "resolver",
  },
};

/** The words, dates and numbers of the language in which this person reads the dashboard. */
@Injectable({ providedIn: "root" })
export class I18n {
  private readonly business = inject(Business);
  private readonly preferences = inject(Preferences);

  readonly language = computed<Language>(
    () => this.preferences.language() ?? languageOf(this.business.language() ?? navigator.language),
  );
  readonly t = computed<Messages>(() => {
    const language = this.language();
    return (language === "es" ? es : en)(this.business.terminology() ?? COMMON_NOUNS[language]);
  });

  private readonly dateTime = computed(
    () => new Intl.DateTimeFormat(this.language(), { dateStyle: "medium", timeStyle: "short" }),
  );
  private readonly shortDate = computed(
    () => new Intl.DateTimeFormat(this.language(), { day: "numeric", month: "short" }),
  );
  private readonly relative = computed(
    () => new Intl.RelativeTimeFormat(this.language(), { numeric: "auto", style: "narrow" }),
  );

  constructor() {
    const { documentElement } = inject(DOCUMENT);
    effect(() => {
      documentElement.lang = this.language();
    });
  }

  categoryLabel(category: { label: string; labelEn: string | null }): string {
    return (this.language() === "en" ? category.labelEn : null) ?? category.label;
  }

  /** What to tell a person: the server's words are for developers, and in English. */
  explain({ code, message, fields }: Problem): string {
    const { [code]: words } = this.t().problems;
    if (fields?.length) return fields.map((fault) => fault.message).join(" ");
    return words ?? message;
  }

  formatDateTime(instant: string): string {
    return this.dateTime().format(new Date(instant));
  }

  formatBytes(bytes: number): string {
    const [amount, unit] = bytes < 1e6 ? [bytes / 1e3, "kilobyte"] : [bytes / 1e6, "megabyte"];
    const options = { style: "unit", unit, maximumFractionDigits: 1 } as const;
    return new Intl.NumberFormat(this.language(), options).format(amount);
  }

  formatDay(instant: string | Date): string {
    return this.shortDate().format(new Date(instant));
  }

  /** As in “3 h ago”; beyond a week, the day. */
  formatAgo(instant: string, now: number): string {
    const minutes = Math.round((Date.parse(instant) - now) / 60_000);
    if (Math.abs(minutes) < 60) return this.relative().format(minutes, "minute");
    const hours = Math.round(minutes / 60);
    if (Math.abs(hours) < 24) return this.relative().format(hours, "hour");
    const days = Math.round(hours / 24);
    return Math.abs(days) <= 7 ? this.relative().format(days, "day") : this.formatDay(instant);
  }
}

function languageOf(tag: string): Language {
  return tag.startsWith("en") ? "en" : "es";
}
