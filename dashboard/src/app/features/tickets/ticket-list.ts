import { NgTemplateOutlet } from "@angular/common";
import { Component, ElementRef, computed, effect, inject, signal, viewChild } from "@angular/core";
import { takeUntilDestroyed, toObservable, toSignal } from "@angular/core/rxjs-interop";
import { ActivatedRoute, Router, RouterLink } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { Apollo, type QueryRef } from "apollo-angular";
import { Subject, debounceTime, map, switchMap, take, throttleTime } from "rxjs";
import { Business } from "../../core/business";
import { ORDER_FIELDS, PRIORITIES, SLA_STATES, STATUSES } from "../../core/enums";
import { Feed, type FeedMessage } from "../../core/feed";
import { I18n } from "../../core/i18n";
import { titlePage } from "../../core/page-title";
import { Shortcuts } from "../../core/shortcuts";
import { TicketActions } from "../../core/ticket-actions";
import { Toasts } from "../../core/toasts";
import type { TicketOrderField, TicketStatus } from "../../schema.generated";
import { Ago } from "../../ui/ago";
import { Dismiss } from "../../ui/dismiss";
import { Empty } from "../../ui/empty";
import { FilterMenu } from "../../ui/filter-menu";
import { Category, Priority, Sla, Status } from "../../ui/ticket-marks";
import {
  countFilters,
  type ListState,
  readListState,
  toFilter,
  toVariables,
  writeListState,
} from "./list-state";
import {
  TicketListDocument,
  type TicketListQuery,
  type TicketListQueryVariables,
} from "./tickets.generated";

type Page = TicketListQuery["tickets"];
type Row = Page["nodes"][number];

const SEARCH_PAUSE_MS = 250;
const RELOAD_AT_MOST_EVERY_MS = 1_000;
const FLASH_MS = 1_600;

@Component({
  selector: "app-ticket-list",
  imports: [
    Ago,
    Category,
    Dismiss,
    Empty,
    FilterMenu,
    LucideDynamicIcon,
    NgTemplateOutlet,
    Priority,
    RouterLink,
    Sla,
    Status,
  ],
  templateUrl: "./ticket-list.html",
})
export class TicketList {
  private readonly router = inject(Router);
  private readonly route = inject(ActivatedRoute);
  private readonly apollo = inject(Apollo);
  private readonly feed = inject(Feed);
  private readonly actions = inject(TicketActions);
  private readonly toasts = inject(Toasts);
  protected readonly business = inject(Business);
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;

  protected readonly state = toSignal(this.route.queryParamMap.pipe(map(readListState)), {
    requireSync: true,
  });
  private readonly variables = computed(() => toVariables(this.state()), { equal: sameJson });
  private readonly filter = computed(() => toFilter(this.state()), { equal: sameJson });
  protected readonly filterCount = computed(() => countFilters(this.state()));
  protected readonly filtersShown = signal(false);

  private query?: QueryRef<TicketListQuery, TicketListQueryVariables>;
  protected readonly page = signal<Page | null>(null);
  protected readonly loading = signal(true);
  protected readonly failed = signal(false);
  protected readonly rows = computed(() => this.page()?.nodes ?? []);
  /** Ids of rows that changed a moment ago. */
  protected readonly flashing = signal<ReadonlySet<string>>(new Set());

  private readonly selectedIds = signal<ReadonlySet<string>>(new Set());
  protected readonly selected = computed(() =>
    this.rows().filter(({ id }) => this.selectedIds().has(id)),
  );
  protected readonly isSelected = (row: Row) => this.selectedIds().has(row.id);
  /** What every selected ticket may become; resolving needs a summary for each. */
  protected readonly sharedTransitions = computed(() =>
    STATUSES.filter(
      (status) =>
        status !== "RESOLVED" &&
        status !== "CLOSED" &&
        this.selected().every((row) => row.allowedTransitions.includes(status)),
    ),
  );

  protected readonly statuses = computed(() =>
    STATUSES.map((value) => ({ value, label: this.t().status[value] })),
  );
  protected readonly priorities = computed(() =>
    PRIORITIES.map((value) => ({ value, label: this.t().priority[value] })),
  );
  protected readonly slaStates = computed(() =>
    SLA_STATES.map((value) => ({ value, label: this.t().sla[value] })),
  );
  protected readonly categories = computed(() =>
    this.business
      .categories()
      .map((each) => ({ value: each.id, label: this.i18n.categoryLabel(each) })),
  );
  protected readonly orderFields = ORDER_FIELDS;

  private readonly searchBox = viewChild.required<ElementRef<HTMLInputElement>>("search");
  private readonly table = viewChild<ElementRef<HTMLElement>>("table");
  private readonly typed = new Subject<string>();
  private readonly outdated = new Subject<void>();

  constructor() {
    titlePage(() => this.state().search);
    /** Where the feed was when the list was read; unknown where it could not be. */
    const read = new Subject<string | undefined>();
    toObservable(this.variables)
      .pipe(
        switchMap((variables) => {
          this.loading.set(true);
          this.query = this.apollo.watchQuery({ query: TicketListDocument, variables });
          return this.query.valueChanges;
        }),
        takeUntilDestroyed(),
      )
      .subscribe(({ data, dataState, error, loading }) => {
        if (dataState === "complete") this.page.set(data.tickets);
        this.failed.set(error !== undefined);
        this.loading.set(loading);
        if (!loading) read.next(data?.feedCursor);
      });
    toObservable(this.filter)
      .pipe(
        switchMap((filter) =>
          read.pipe(
            take(1),
            switchMap((from) => this.feed.ticketEvents(filter, from)),
          ),
        ),
        takeUntilDestroyed(),
      )
      .subscribe((message) => this.follow(message));
    this.outdated
      .pipe(
        throttleTime(RELOAD_AT_MOST_EVERY_MS, undefined, { leading: true, trailing: true }),
        takeUntilDestroyed(),
      )
      .subscribe(() => this.reload());
    this.typed
      .pipe(debounceTime(SEARCH_PAUSE_MS), takeUntilDestroyed())
      .subscribe((search) => this.show({ search }, { replaceUrl: true }));
    // What is no longer on the page is no longer selected.
    effect(() => {
      const ids = new Set(this.rows().map(({ id }) => id));
      this.selectedIds.update((all) => new Set([...all].filter((id) => ids.has(id))));
    });

    inject(Shortcuts).bind({
      "/": () => this.searchBox().nativeElement.select(),
      j: () => this.moveFocus(1),
      k: () => this.moveFocus(-1),
      x: () => {
        const row = this.rows()[this.focusedIndex()];
        if (row) this.toggle(row);
      },
    });
  }

  /** Another view of the list, from its first page unless told otherwise. */
  protected show(change: Partial<ListState>, options: { replaceUrl?: boolean } = {}): void {
    const state = { ...this.state(), after: "", before: "", ...change };
    void this.router.navigate([], { queryParams: writeListState(state), ...options });
  }

  protected clear(): void {
    void this.router.navigate([]);
  }

  protected sortBy(field: string): void {
    const sort = field as TicketOrderField;
    this.show({ sort, direction: sort === "RESOLUTION_DUE_AT" ? "ASC" : "DESC" });
  }

  protected type(search: string): void {
    this.typed.next(search.trim());
  }

  protected reload(): void {
    // The result arrives through the query's observable, a failure too.
    this.query?.refetch().catch(() => undefined);
  }

  protected toggle(row: Row): void {
    this.selectedIds.update((all) => {
      const ids = new Set(all);
      if (!ids.delete(row.id)) ids.add(row.id);
      return ids;
    });
  }

  protected toggleAll(): void {
    const all = this.selected().length === this.rows().length;
    this.selectedIds.set(new Set(all ? [] : this.rows().map(({ id }) => id)));
  }

  protected unselectAll(): void {
    this.selectedIds.set(new Set());
  }

  protected assignSelected(assigneeId: string): Promise<void> {
    return this.forSelected((ids) =>
      this.actions.assignAll(ids, assigneeId === "nobody" ? null : assigneeId),
    );
  }

  protected setStatusOfSelected(status: string): Promise<void> {
    return this.forSelected((ids) => this.actions.changeStatusOfAll(ids, status as TicketStatus));
  }

  private async forSelected(act: (ticketIds: string[]) => Promise<number>): Promise<void> {
    const ids = this.selected().map(({ ticketId }) => ticketId);
    const refused = await act(ids);
    const { bulkDone, bulkRefused } = this.t().list;
    this.toasts.show(
      refused
        ? {
            kind: "error",
            title: bulkRefused(refused),
            ...(refused < ids.length && { detail: bulkDone(ids.length - refused) }),
          }
        : { kind: "success", title: bulkDone(ids.length) },
    );
    if (!refused) this.unselectAll();
  }

  private follow(message: FeedMessage): void {
    if (message.kind === "resync") {
      this.outdated.next();
      return;
    }
    const { event } = message;
    const isOnPage = this.rows().some(({ ticketId }) => ticketId === event.ticketId);
    // A row's own change has come with the event; here is what moves rows.
    const moves =
      event.listChange !== "UPDATED" || this.state().sort !== "CREATED_AT" || this.state().search;
    if (event.listChange === "LEFT" && isOnPage) this.remove(event.ticketId);
    if (moves) this.outdated.next();
    if (event.ticket) this.flash(event.ticket.id);
  }

  private remove(ticketId: string): void {
    this.page.update(
      (page) => page && { ...page, nodes: page.nodes.filter((each) => each.ticketId !== ticketId) },
    );
  }

  private flash(id: string): void {
    this.flashing.update((all) => new Set([...all, id]));
    setTimeout(
      () => this.flashing.update((all) => new Set([...all].filter((each) => each !== id))),
      FLASH_MS,
    );
  }

  private links(): HTMLElement[] {
    return [...(this.table()?.nativeElement.querySelectorAll<HTMLElement>("a[data-row]") ?? [])];
  }

  private focusedIndex(): number {
    const row = document.activeElement?.closest("tr");
    return this.links().findIndex((link) => link.closest("tr") === row);
  }

  private moveFocus(by: number): void {
    const links = this.links();
    const index = Math.min(Math.max(this.focusedIndex() + by, 0), links.length - 1);
    links[index]?.focus();
  }
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
