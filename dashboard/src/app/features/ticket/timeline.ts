import { Component, computed, inject, input, signal } from "@angular/core";
import { takeUntilDestroyed, toObservable } from "@angular/core/rxjs-interop";
import { LucideDynamicIcon } from "@lucide/angular";
import { Apollo } from "apollo-angular";
import { firstValueFrom, switchMap } from "rxjs";
import { I18n } from "../../core/i18n";
import { Ago } from "../../ui/ago";
import {
  type HistoryFragment,
  LaterEntriesDocument,
  type NotesFragment,
  type TicketPageQuery,
} from "./ticket.generated";

type Ticket = NonNullable<TicketPageQuery["ticket"]>;
type Note = NotesFragment["nodes"][number];
type Event = HistoryFragment["nodes"][number];

type Entry =
  | { kind: "note"; id: string; at: string; note: Note }
  | { kind: "event"; id: string; at: string; event: Event; text: string };

/** Notes and everything that happened, newest first. */
@Component({
  selector: "app-timeline",
  imports: [Ago, LucideDynamicIcon],
  template: `
    <ol class="space-y-3">
      @for (entry of entries(); track entry.id) {
        <li>
          @if (entry.kind === "note") {
            @let internal = entry.note.visibility === "INTERNAL";
            <article
              class="rounded-lg border p-3"
              [class]="
                internal
                  ? 'border-warn/40 bg-warn-soft border-dashed'
                  : 'border-accent/40 bg-accent-soft'
              "
              [attr.data-visibility]="entry.note.visibility"
            >
              <header class="mb-1 flex flex-wrap items-center gap-x-2 text-xs">
                <span
                  class="inline-flex items-center gap-1 font-semibold"
                  [class.text-warn]="internal"
                  [class.text-accent]="!internal"
                >
                  <svg [lucideIcon]="internal ? 'lock' : 'send'" size="12" aria-hidden="true"></svg>
                  {{ internal ? t().ticketPage.internal : t().ticketPage.public }}
                </span>
                <span class="font-medium">{{ entry.note.author.name }}</span>
                <app-ago class="text-muted ml-auto" [at]="entry.at" />
              </header>
              <p class="break-words whitespace-pre-wrap">{{ entry.note.content }}</p>
            </article>
          } @else {
            <p class="text-muted flex flex-wrap gap-x-1.5 px-3 text-xs">
              <span class="text-ink font-medium">{{ entry.event.actor.name }}</span>
              <span class="min-w-0 break-words">{{ entry.text }}</span>
              <app-ago class="ml-auto" [at]="entry.at" />
            </p>
          }
        </li>
      }
    </ol>
  `,
  host: { class: "block" },
})
export class Timeline {
  private readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  private readonly apollo = inject(Apollo);
  readonly ticket = input.required<Ticket>();
  /** Beyond the page of each that comes with the ticket. */
  private readonly later = signal<{ notes: Note[]; events: Event[] }>({ notes: [], events: [] });

  protected readonly entries = computed<Entry[]>(() => {
    const { notes, history } = this.ticket();
    const later = this.later();
    const entries: Entry[] = [...notes.nodes, ...later.notes].map((note) => ({
      kind: "note",
      id: note.id,
      at: note.createdAt,
      note,
    }));
    for (const event of [...history.nodes, ...later.events]) {
      // The note itself stands for it.
      if (event.__typename === "TicketNoteAdded") continue;
      entries.push({
        kind: "event",
        id: event.id,
        at: event.occurredAt,
        event,
        text: this.describe(event),
      });
    }
    return entries.sort((a, b) => b.at.localeCompare(a.at));
  });

  constructor() {
    toObservable(this.ticket)
      .pipe(
        // Lists begin with the oldest, and here the newest come first: so read to the end.
        switchMap((ticket) => this.readLater(ticket).catch(() => this.later())),
        takeUntilDestroyed(),
      )
      .subscribe((later) => this.later.set(later));
  }

  private async readLater({ ticketId, notes, history }: Ticket) {
    const later = { notes: [] as Note[], events: [] as Event[] };
    let [noteInfo, eventInfo] = [notes.pageInfo, history.pageInfo];
    while (noteInfo.hasNextPage || eventInfo.hasNextPage) {
      const { data } = await firstValueFrom(
        this.apollo.query({
          query: LaterEntriesDocument,
          variables: {
            ticketId,
            notes: noteInfo.hasNextPage,
            notesAfter: noteInfo.endCursor,
            history: eventInfo.hasNextPage,
            historyAfter: eventInfo.endCursor,
          },
          fetchPolicy: "no-cache",
        }),
      );
      const page = data?.ticket;
      later.notes.push(...(page?.notes?.nodes ?? []));
      later.events.push(...(page?.history?.nodes ?? []));
      noteInfo = page?.notes?.pageInfo ?? { ...noteInfo, hasNextPage: false };
      eventInfo = page?.history?.pageInfo ?? { ...eventInfo, hasNextPage: false };
    }
    return later;
  }

  private describe({ __typename, changes, reason }: Event): string {
    const t = this.t();
    const status = changes.find(({ field }) => field === "status")?.to as keyof typeof t.status;
    const fields = changes.map(({ field }) => this.fieldName(field)).join(", ");
    const text = t.event[__typename];
    return [
      typeof text === "string" ? text : text(fields),
      __typename === "TicketStatusChanged" && `→ ${t.status[status]}`,
      reason && `“${reason}”`,
    ]
      .filter(Boolean)
      .join(" ");
  }

  private fieldName(field: string): string {
    const names: Partial<Record<string, string>> = this.t().fields;
    return (names[field] ?? field).toLowerCase();
  }
}
