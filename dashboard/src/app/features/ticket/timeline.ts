import { Component, computed, effect, inject, input, signal, untracked } from "@angular/core";
import { Apollo } from "apollo-angular";
import { firstValueFrom } from "rxjs";
import { Business } from "../../core/business";
import { I18n } from "../../core/i18n";
import { EMPTY_LOG, type Log, withEarlier, withNewest } from "../../core/log";
import { problemOf } from "../../core/problems";
import { Toasts } from "../../core/toasts";
import type { TicketPriority, TicketStatus } from "../../schema.generated";
import { Ago } from "../../ui/ago";
import { NoteCard } from "./note-card";
import {
  EarlierEntriesDocument,
  type HistoryFragment,
  type NotesFragment,
  type TicketPageQuery,
} from "./ticket.generated";

type Ticket = NonNullable<TicketPageQuery["ticket"]>;
type Note = NotesFragment["nodes"][number];
type Event = HistoryFragment["nodes"][number];
type Change = Event["changes"][number];

type Entry =
  | { kind: "note"; id: string; at: string; note: Note }
  | { kind: "event"; id: string; at: string; event: Event; text: string };

/** Notes and everything that happened, newest first. */
@Component({
  selector: "app-timeline",
  imports: [Ago, NoteCard],
  template: `
    <ol class="space-y-3">
      @for (entry of entries(); track entry.id) {
        <li>
          @if (entry.kind === "note") {
            <app-note-card [note]="entry.note" />
          } @else {
            <p class="text-muted flex gap-x-3 px-3 text-xs">
              <span class="min-w-0 flex-1 break-words">
                <span class="text-ink font-medium">{{ entry.event.actor.name }}</span>
                {{ entry.text }}
              </span>
              <app-ago [at]="entry.at" />
            </p>
          }
        </li>
      }
    </ol>
    @if (notes().start || events().start) {
      <div class="mt-4 text-center">
        <button type="button" class="btn" [disabled]="busy()" (click)="readEarlier()">
          {{ t().more }}
        </button>
      </div>
    }
  `,
  host: { class: "block" },
})
export class Timeline {
  private readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  private readonly apollo = inject(Apollo);
  private readonly business = inject(Business);
  private readonly toasts = inject(Toasts);
  readonly ticket = input.required<Ticket>();

  protected readonly notes = signal<Log<Note>>(EMPTY_LOG);
  protected readonly events = signal<Log<Event>>(EMPTY_LOG);
  protected readonly busy = signal(false);

  protected readonly entries = computed<Entry[]>(() => {
    const [notes, events] = [this.notes(), this.events()];
    // Before it, there may be entries of the other kind that have not been read.
    const complete = [
      notes.start ? notes.items[0]?.createdAt : undefined,
      events.start ? events.items[0]?.occurredAt : undefined,
    ]
      .sort()
      .reduce((latest, at) => at ?? latest, undefined);
    const entries: Entry[] = [
      ...notes.items.map((note) => ({
        kind: "note" as const,
        id: note.id,
        at: note.createdAt,
        note,
      })),
      ...events.items
        // The note itself stands for it.
        .filter(({ __typename }) => __typename !== "TicketNoteAdded")
        .map((event) => ({
          kind: "event" as const,
          id: event.id,
          at: event.occurredAt,
          event,
          text: this.describe(event),
        })),
    ];
    return entries
      .filter(({ at }) => !complete || at >= complete)
      .sort((a, b) => b.at.localeCompare(a.at));
  });

  constructor() {
    effect(() => {
      const { notes, history } = this.ticket();
      untracked(() => {
        this.notes.update((log) => withNewest(log, notes));
        this.events.update((log) => withNewest(log, history));
      });
    });
  }

  protected async readEarlier(): Promise<void> {
    const [notes, events] = [this.notes().start, this.events().start];
    this.busy.set(true);
    try {
      const { data } = await firstValueFrom(
        this.apollo.query({
          query: EarlierEntriesDocument,
          variables: {
            ticketId: this.ticket().ticketId,
            notes: notes !== null,
            notesBefore: notes,
            history: events !== null,
            historyBefore: events,
          },
          fetchPolicy: "no-cache",
        }),
      );
      const page = data?.ticket;
      if (page?.notes)
        this.notes.update((log) => (page.notes ? withEarlier(log, page.notes) : log));
      if (page?.history) {
        this.events.update((log) => (page.history ? withEarlier(log, page.history) : log));
      }
    } catch (error) {
      const detail = this.i18n.explain(problemOf(error));
      this.toasts.show({ kind: "error", title: this.t().loadFailed, detail });
    } finally {
      this.busy.set(false);
    }
  }

  private describe({ __typename, changes, reason }: Event): string {
    const t = this.t();
    const to = (field: string) => changes.find((change) => change.field === field)?.to;
    const assignee = this.agentName(to("assigneeId"));
    const said = reason ? ` “${reason}”` : "";
    switch (__typename) {
      case "TicketStatusChanged":
        return `${t.event[__typename]} → ${t.status[to("status") as TicketStatus]}${said}`;
      case "TicketAssigned":
        return `${assignee ? t.event[__typename](assignee) : t.event.unassigned}${said}`;
      case "TicketUpdated":
        return `${t.event[__typename](changes.map((each) => this.describeChange(each)).join(", "))}${said}`;
      default:
        return `${t.event[__typename]}${said}`;
    }
  }

  /** As in “priority Low → High”; of long texts that they changed. */
  private describeChange({ field, from, to }: Change): string {
    const names: Partial<Record<string, string>> = this.t().fields;
    const name = (names[field] ?? field).toLowerCase();
    const show = this.shown(field);
    return show && (from ?? to) ? `${name} ${show(from)} → ${show(to)}` : name;
  }

  /** How to show a value of that field, where it is short. */
  private shown(field: string): ((value: unknown) => string) | null {
    const none = this.t().none;
    switch (field) {
      case "priority":
        return (value) => this.t().priority[value as TicketPriority];
      case "category":
        return (value) => {
          const category = this.business.categories().find(({ id }) => id === value);
          return category ? this.i18n.categoryLabel(category) : (value as string);
        };
      case "subject":
        return (value) => `“${value as string}”`;
      case "subcategory":
        return (value) => (value as string | null) ?? none;
      case "tags":
        return (value) => (Array.isArray(value) && value.length ? value.join(", ") : none);
      default:
        return null;
    }
  }

  private agentName(id: unknown): string | undefined {
    return this.business.agents().find((agent) => agent.id === id)?.name;
  }
}
