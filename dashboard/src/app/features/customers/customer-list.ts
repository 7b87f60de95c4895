import { Component, ElementRef, inject, input, signal, viewChild } from "@angular/core";
import { takeUntilDestroyed, toObservable } from "@angular/core/rxjs-interop";
import { Router, RouterLink } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { Apollo, type QueryRef } from "apollo-angular";
import { Subject, debounceTime, switchMap } from "rxjs";
import { I18n } from "../../core/i18n";
import { titlePage } from "../../core/page-title";
import { Shortcuts } from "../../core/shortcuts";
import { Dialog } from "../../ui/dialog";
import { Empty } from "../../ui/empty";
import { CustomerForm } from "./customer-form";
import {
  CustomerListDocument,
  type CustomerListQuery,
  type CustomerListQueryVariables,
} from "./customers.generated";

const SEARCH_PAUSE_MS = 250;

@Component({
  selector: "app-customer-list",
  imports: [CustomerForm, Dialog, Empty, LucideDynamicIcon, RouterLink],
  template: `
    <header class="border-line bg-surface flex items-center gap-3 border-b px-4 py-3 md:px-6">
      <h1 class="text-base font-semibold">{{ t().nav.customers }}</h1>
      <div class="relative ml-auto w-full max-w-72">
        <svg
          lucideIcon="search"
          class="text-muted pointer-events-none absolute top-2 left-2.5"
          aria-hidden="true"
        ></svg>
        <input
          #search
          type="search"
          class="field pl-8"
          [attr.aria-label]="t().customers.search"
          [placeholder]="t().customers.search"
          [value]="q() ?? ''"
          (input)="typed.next(search.value.trim())"
        />
      </div>
      <button
        type="button"
        class="btn"
        [attr.aria-label]="t().newTicket.createCustomer"
        (click)="creating.set(true)"
      >
        <svg lucideIcon="user-plus" aria-hidden="true"></svg>
      </button>
    </header>
    @if (failed() && !customers()) {
      <app-empty icon="cloud-off" [heading]="t().loadFailed">
        <button type="button" class="btn" (click)="reload()">{{ t().retry }}</button>
      </app-empty>
    } @else if (!customers()) {
      <div class="space-y-3 px-6 py-4" aria-busy="true">
        <p class="sr-only" role="status">{{ t().loading }}</p>
        @for (line of [1, 2, 3, 4, 5, 6]; track line) {
          <div class="skeleton h-8"></div>
        }
      </div>
    } @else {
      <ul class="bg-surface">
        @for (customer of customers()!.nodes; track customer.id) {
          <li
            class="border-line hover:bg-sunken/60 relative flex items-center gap-4 border-b px-4 py-2.5 md:px-6"
          >
            <span
              class="bg-sunken text-muted grid size-8 shrink-0 place-items-center rounded-full text-xs font-semibold"
              aria-hidden="true"
              >{{ customer.name?.charAt(0) }}</span
            >
            <a
              class="min-w-0 flex-1 truncate font-medium after:absolute after:inset-0"
              [routerLink]="['/customers', customer.id]"
              >{{ customer.name || t().customers.nameless }}</a
            >
            <span class="text-muted w-36 tabular-nums max-sm:hidden">{{ customer.phone }}</span>
            <span class="text-muted w-52 truncate max-lg:hidden">{{ customer.email }}</span>
            <span class="w-28 shrink-0 text-right tabular-nums">
              <span
                class="badge"
                [class]="
                  customer.statistics.openTickets
                    ? 'bg-warn-soft text-warn'
                    : 'bg-sunken text-muted'
                "
              >
                {{ t().customers.open }}: {{ customer.statistics.openTickets }}
              </span>
            </span>
          </li>
        } @empty {
          <app-empty
            icon="users"
            [heading]="t().customers.empty"
            [hint]="t().customers.emptyHint"
          />
        }
      </ul>
      @if (customers()!.pageInfo.hasNextPage) {
        <div class="p-4 text-center">
          <button type="button" class="btn" (click)="more()">{{ t().more }}</button>
        </div>
      }
    }
    @if (creating()) {
      <app-dialog
        #dialog
        [heading]="t().newTicket.createCustomer + ': ' + t().customer"
        (closed)="creating.set(false)"
      >
        <app-customer-form
          [searched]="q() ?? ''"
          (saved)="dialog.close(); open($event.id)"
          (cancelled)="dialog.close()"
        />
      </app-dialog>
    }
  `,
})
export class CustomerList {
  private readonly router = inject(Router);
  private readonly apollo = inject(Apollo);
  protected readonly t = inject(I18n).t;
  /** What is searched for, from the address. */
  readonly q = input<string>();

  protected readonly typed = new Subject<string>();
  protected readonly customers = signal<CustomerListQuery["customers"] | null>(null);
  protected readonly failed = signal(false);
  protected readonly creating = signal(false);
  private query?: QueryRef<CustomerListQuery, CustomerListQueryVariables>;
  private readonly searchBox = viewChild.required<ElementRef<HTMLInputElement>>("search");

  constructor() {
    titlePage(() => this.t().nav.customers);
    toObservable(this.q)
      .pipe(
        switchMap((search) => {
          this.query = this.apollo.watchQuery({
            query: CustomerListDocument,
            variables: search ? { search } : {},
          });
          return this.query.valueChanges;
        }),
        takeUntilDestroyed(),
      )
      .subscribe(({ data, dataState, error }) => {
        if (dataState === "complete") this.customers.set(data.customers);
        this.failed.set(error !== undefined);
      });
    this.typed
      .pipe(debounceTime(SEARCH_PAUSE_MS), takeUntilDestroyed())
      .subscribe(
        (q) => void this.router.navigate([], { queryParams: q ? { q } : {}, replaceUrl: true }),
      );
    inject(Shortcuts).bind({ "/": () => this.searchBox().nativeElement.select() });
  }

  protected open(id: string): void {
    void this.router.navigate(["/customers", id]);
  }

  protected reload(): void {
    // The result arrives through the query's observable, a failure too.
    this.query?.refetch().catch(() => undefined);
  }

  protected more(): void {
    void this.query?.fetchMore({
      variables: { after: this.customers()?.pageInfo.endCursor },
      updateQuery: ({ customers: shown }, { fetchMoreResult: { customers: next } }) => ({
        customers: {
          ...next,
          nodes: [...shown.nodes, ...next.nodes] as typeof next.nodes,
        },
      }),
    });
  }
}
