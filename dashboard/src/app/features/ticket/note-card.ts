import { Component, computed, inject, input } from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";
import { I18n } from "../../core/i18n";
import { Ago } from "../../ui/ago";
import type { NotesFragment } from "./ticket.generated";

/** A note; who reads it can be seen from afar. */
@Component({
  selector: "app-note-card",
  imports: [Ago, LucideDynamicIcon],
  template: `
    <article
      class="rounded-lg border p-3"
      [class]="
        isInternal()
          ? 'border-warn/40 bg-warn-soft border-dashed'
          : 'border-accent/40 bg-accent-soft'
      "
      [attr.data-visibility]="note().visibility"
    >
      <header class="mb-1 flex flex-wrap items-center gap-x-2 text-xs">
        <span
          class="inline-flex items-center gap-1 font-semibold"
          [class.text-warn]="isInternal()"
          [class.text-accent]="!isInternal()"
        >
          <svg [lucideIcon]="isInternal() ? 'lock' : 'send'" size="12" aria-hidden="true"></svg>
          {{ isInternal() ? t().ticketPage.internal : t().ticketPage.public }}
        </span>
        <span class="min-w-0 font-medium break-words">{{ note().author.name }}</span>
        <app-ago class="text-muted ml-auto" [at]="note().createdAt" />
      </header>
      <p class="break-words whitespace-pre-wrap">{{ note().content }}</p>
    </article>
  `,
  host: { class: "block" },
})
export class NoteCard {
  protected readonly t = inject(I18n).t;
  readonly note = input.required<NotesFragment["nodes"][number]>();
  protected readonly isInternal = computed(() => this.note().visibility === "INTERNAL");
}
