import { Component, computed, inject, input, linkedSignal, signal } from "@angular/core";
import { takeUntilDestroyed, toObservable } from "@angular/core/rxjs-interop";
import { RouterLink } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { Apollo, type QueryRef } from "apollo-angular";
import { Subject, filter, switchMap, take, throttleTime } from "rxjs";
import { Business } from "../../core/business";
import { PRIORITIES } from "../../core/enums";
import { Feed } from "../../core/feed";
import { I18n } from "../../core/i18n";
import { titlePage } from "../../core/page-title";
import { Session } from "../../core/session";
import { TicketActions } from "../../core/ticket-actions";
import type { TicketPriority, TicketStatus } from "../../schema.generated";
import { Ago } from "../../ui/ago";
import { EditText } from "../../ui/edit-text";
import { Empty } from "../../ui/empty";
import { Tabs } from "../../ui/tabs";
import { Priority, Sla, Status } from "../../ui/ticket-marks";
import { type Action, ActionDialog } from "./action-dialog";
import { Attachments } from "./attachments";
import { ConflictDialog } from "./conflict-dialog";
import { LinkDialog } from "./link-dialog";
import { NoteCard } from "./note-card";
import { NoteForm } from "./note-form";
import {
  TicketPageDocument,
  type TicketPageQuery,
  type TicketPageQueryVariables,
} from "./ticket.generated";
import { Timeline } from "./timeline";

type Ticket = NonNullable<TicketPageQuery["ticket"]>;

const NOTES_ON_OVERVIEW = 3;
const RELOAD_AT_MOST_EVERY_MS = 1_000;

@Component({
  selector: "app-ticket-page",
  imports: [
    ActionDialog,
    Ago,
    Attachments,
    ConflictDialog,
    EditText,
    Empty,
    LinkDialog,
    LucideDynamicIcon,
    NoteCard,
    NoteForm,
    Priority,
    RouterLink,
    Sla,
    Status,
    Tabs,
    Timeline,
  ],
  templateUrl: "./ticket-page.html",
})
export class TicketPage {
  private readonly apollo = inject(Apollo);
  protected readonly actions = inject(TicketActions);
  protected readonly business = inject(Business);
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  protected readonly viewer = inject(Session).viewer;

  /** From the address. */
  readonly ticketId = input.required<string>();
  readonly tab = input<string>();

  protected readonly tabs = computed(() => {
    const { overview, activity, related } = this.t().ticketPage;
    return [
      { id: "overview", label: overview },
      { id: "activity", label: activity },
      { id: "related", label: related },
    ];
  });
  protected readonly shown = linkedSignal(() => this.tab() ?? "overview");

  private query?: QueryRef<TicketPageQuery, TicketPageQueryVariables>;
  protected readonly ticket = signal<Ticket | null>(null);
  protected readonly state = signal<"loading" | "ready" | "absent" | "failed">("loading");
  protected readonly action = signal<Action | null>(null);
  protected readonly linking = signal(false);
  /** The version that the user saw when beginning to edit a text. */
  private readonly seen = signal(0);

  protected readonly priorities = PRIORITIES;
  /** Resolving, closing and reopening have buttons of their own, for they need words. */
  protected readonly plainTransitions = computed(() => {
    const ticket = this.ticket();
    return (ticket?.allowedTransitions ?? []).filter(
      (status) =>
        status !== "RESOLVED" &&
        !(status === "CLOSED" && ticket?.status !== "RESOLVED") &&
        !(status === "IN_PROGRESS" && ticket?.status === "CLOSED"),
    );
  });
  protected readonly choosableCategories = computed(() => {
    const current = this.ticket()?.category;
    const offered = this.business.offeredCategories();
    return current && !offered.some(({ id }) => id === current.id)
      ? [current, ...offered]
      : offered;
  });
  protected readonly assignable = computed(() => {
    const current = this.ticket()?.assignee;
    const agents = this.business.agents();
    return current && !agents.some(({ id }) => id === current.id) ? [current, ...agents] : agents;
  });

  protected readonly latestNotes = computed(() =>
    (this.ticket()?.notes.nodes ?? []).slice(-NOTES_ON_OVERVIEW).reverse(),
  );

  constructor() {
    titlePage(() => this.ticket() && `${this.ticketId()} ${this.ticket()?.subject}`);
    /** Where the feed was when the ticket was read; unknown where it could not be. */
    const read = new Subject<string | undefined>();
    toObservable(this.ticketId)
      .pipe(
        switchMap((ticketId) => {
          this.state.set("loading");
          this.query = this.apollo.watchQuery({
            query: TicketPageDocument,
            variables: { ticketId },
          });
          return this.query.valueChanges;
        }),
        takeUntilDestroyed(),
      )
      .subscribe(({ data, dataState, error, loading }) => {
        if (dataState === "complete") {
          this.ticket.set(data.ticket);
          this.state.set(data.ticket ? "ready" : loading ? "loading" : "absent");
        } else if (error) {
          this.state.set("failed");
        }
        if (!loading) read.next(data?.feedCursor);
      });
    // The ticket itself comes with the event; its notes and history are read again.
    const feed = inject(Feed);
    toObservable(this.ticketId)
      .pipe(
        switchMap(() => read.pipe(take(1))),
        switchMap((from) => feed.ticketEvents({}, from)),
        filter(
          (message) => message.kind === "resync" || message.event.ticketId === this.ticketId(),
        ),
        throttleTime(RELOAD_AT_MOST_EVERY_MS, undefined, { leading: true, trailing: true }),
        takeUntilDestroyed(),
      )
      .subscribe(() => this.reload());
  }

  protected reload(): void {
    // The result arrives through the query's observable, a failure too.
    this.query?.refetch().catch(() => undefined);
  }

  protected can(status: TicketStatus): boolean {
    return this.ticket()?.allowedTransitions.includes(status) ?? false;
  }

  protected changeStatus(ticket: Ticket, status: string): void {
    if (status === "CLOSED" && ticket.status !== "RESOLVED") this.action.set("close");
    else void this.act(this.actions.changeStatus(ticket, status as TicketStatus));
  }

  protected assign(ticket: Ticket, agentId: string): void {
    const agent = this.assignable().find(({ id }) => id === agentId);
    const assignee = agent
      ? { __typename: "Agent" as const, id: agent.id, name: agent.name }
      : null;
    void this.act(this.actions.assign(ticket, assignee));
  }

  protected take(ticket: Ticket): void {
    const viewer = this.viewer();
    if (viewer) this.assign(ticket, viewer.id);
  }

  protected prioritise(ticket: Ticket, priority: string): void {
    void this.act(this.actions.edit(ticket, "priority", priority as TicketPriority));
  }

  protected recategorise(ticket: Ticket, id: string): void {
    const category = this.choosableCategories().find((each) => each.id === id);
    if (category) void this.act(this.actions.recategorise(ticket, category));
  }

  protected beginEdit(ticket: Ticket): void {
    this.seen.set(ticket.version);
  }

  protected edit(ticket: Ticket, field: "subject" | "description", value: string): void {
    void this.act(this.actions.edit(ticket, field, value, this.seen()));
  }

  protected addTag(ticket: Ticket, text: string): void {
    const tag = text.trim().toLowerCase();
    if (!tag || ticket.tags.includes(tag)) return;
    void this.act(this.actions.edit(ticket, "tags", [...ticket.tags, tag]));
  }

  protected removeTag(ticket: Ticket, tag: string): void {
    const tags = ticket.tags.filter((each) => each !== tag);
    void this.act(this.actions.edit(ticket, "tags", tags));
  }

  protected liftEscalation(ticket: Ticket): void {
    void this.act(this.actions.liftEscalation(ticket));
  }

  /** Reads notes and history anew after an action of one's own. */
  protected async act(action: Promise<boolean>): Promise<void> {
    if (await action) this.reload();
  }
}
