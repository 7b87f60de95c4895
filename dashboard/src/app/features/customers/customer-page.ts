import { Component, inject, input, signal } from "@angular/core";
import { takeUntilDestroyed, toObservable } from "@angular/core/rxjs-interop";
import { RouterLink } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { Apollo, type QueryRef } from "apollo-angular";
import { switchMap } from "rxjs";
import { I18n } from "../../core/i18n";
import { titlePage } from "../../core/page-title";
import { Ago } from "../../ui/ago";
import { Dialog } from "../../ui/dialog";
import { Empty } from "../../ui/empty";
import { Category, Sla, Status } from "../../ui/ticket-marks";
import { CustomerForm } from "./customer-form";
import {
  CustomerPageDocument,
  type CustomerPageQuery,
  type CustomerPageQueryVariables,
} from "./customers.generated";

type Customer = Extract<CustomerPageQuery["node"], { __typename: "Customer" }>;

@Component({
  selector: "app-customer-page",
  imports: [Ago, Category, CustomerForm, Dialog, Empty, LucideDynamicIcon, RouterLink, Sla, Status],
  template: `
    @switch (state()) {
      @case ("absent") {
        <app-empty icon="users" [heading]="t().notFound" [hint]="t().notFoundHint" />
      }
      @case ("failed") {
        <app-empty icon="cloud-off" [heading]="t().loadFailed">
          <button type="button" class="btn" (click)="reload()">{{ t().retry }}</button>
        </app-empty>
      }
      @case ("loading") {
        <div class="space-y-4 p-6" aria-busy="true">
          <p class="sr-only" role="status">{{ t().loading }}</p>
          <div class="skeleton h-7 w-1/3"></div>
          <div class="skeleton h-48"></div>
        </div>
      }
    }
    @if (customer(); as customer) {
      <header
        class="border-line bg-surface flex flex-wrap items-center gap-3 border-b px-4 py-4 md:px-6"
      >
        <a
          class="btn btn-ghost btn-icon -ml-2"
          routerLink="/customers"
          [attr.aria-label]="t().nav.customers"
        >
          <svg lucideIcon="arrow-left" aria-hidden="true"></svg>
        </a>
        <div class="min-w-0 flex-1 basis-56">
          <h1 class="text-lg font-semibold break-words">
            {{ customer.name || t().customers.nameless }}
          </h1>
          <p class="text-muted flex flex-wrap gap-x-4">
            @if (customer.phone) {
              <a
                class="hover:text-ink inline-flex min-h-6 items-center gap-1.5"
                [href]="'tel:' + customer.phone"
              >
                <svg lucideIcon="phone" size="14" aria-hidden="true"></svg>{{ customer.phone }}
              </a>
            }
            @if (customer.email) {
              <a
                class="hover:text-ink inline-flex min-h-6 min-w-0 items-center gap-1.5 break-all"
                [href]="'mailto:' + customer.email"
              >
                <svg lucideIcon="mail" size="14" aria-hidden="true"></svg>{{ customer.email }}
              </a>
            }
            <span class="inline-flex min-h-6 items-center"
              >{{ t().customers.since }} {{ i18n.formatDay(customer.createdAt) }}</span
            >
          </p>
        </div>
        <button type="button" class="btn" (click)="editing.set(true)">
          <svg lucideIcon="pencil" aria-hidden="true"></svg>{{ t().customers.edit }}
        </button>
        <a
          class="btn btn-primary"
          routerLink="/tickets/new"
          [queryParams]="{ customer: customer.id }"
        >
          <svg lucideIcon="plus" aria-hidden="true"></svg>{{ t().nav.newTicket }}
        </a>
      </header>
      <div class="grid grid-cols-1 gap-6 p-4 md:p-6 lg:grid-cols-[minmax(0,1fr)_18rem]">
        <section class="card min-w-0">
          <h2 class="heading border-line flex gap-3 border-b px-4 py-3">
            {{ t().customers.history }}
            <span class="text-muted font-normal">
              {{ t().customers.total }}: {{ customer.statistics.totalTickets }} ·
              {{ t().customers.open }}: {{ customer.statistics.openTickets }}
            </span>
          </h2>
          <ul>
            @for (ticket of customer.tickets.nodes; track ticket.id) {
              <li
                class="border-line hover:bg-sunken/60 relative flex flex-wrap items-center gap-x-4 gap-y-1 border-b px-4 py-2.5 last:border-0"
              >
                <div class="min-w-52 flex-1">
                  <span class="text-muted text-xs tabular-nums">{{ ticket.ticketId }}</span>
                  <a
                    class="block truncate font-medium after:absolute after:inset-0"
                    [routerLink]="['/tickets', ticket.ticketId]"
                    >{{ ticket.subject }}</a
                  >
                </div>
                <app-category class="w-40 max-2xl:hidden" [category]="ticket.category" />
                <app-status class="sm:w-40" [status]="ticket.status" />
                <app-sla class="w-28" [target]="ticket.sla.resolution" />
                <app-ago class="text-muted w-20 text-right max-sm:hidden" [at]="ticket.createdAt" />
              </li>
            } @empty {
              <li class="text-muted p-4">{{ t().customers.noTickets }}</li>
            }
          </ul>
          @if (customer.tickets.pageInfo.hasNextPage) {
            <div class="p-3 text-center">
              <button type="button" class="btn" (click)="more(customer)">{{ t().more }}</button>
            </div>
          }
        </section>
        <section class="card self-start">
          <h2 class="heading border-line border-b px-4 py-3">{{ t().customers.conversations }}</h2>
          <ul>
            @for (conversation of customer.conversations.nodes; track conversation.id) {
              <li
                class="border-line hover:bg-sunken/60 relative flex items-center gap-2 border-b px-4 py-2.5 last:border-0"
              >
                <svg lucideIcon="message-square" class="text-muted" aria-hidden="true"></svg>
                <a
                  class="flex-1 font-medium after:absolute after:inset-0"
                  [routerLink]="['/conversations', conversation.id]"
                >
                  {{ t().channel[conversation.channel] }}
                </a>
                <app-ago class="text-muted" [at]="conversation.createdAt" />
              </li>
            } @empty {
              <li class="text-muted p-4">{{ t().customers.noConversations }}</li>
            }
          </ul>
        </section>
      </div>
      @if (editing()) {
        <app-dialog #dialog [heading]="t().customers.edit" (closed)="editing.set(false)">
          <app-customer-form
            [customer]="customer"
            (saved)="dialog.close()"
            (cancelled)="dialog.close()"
          />
        </app-dialog>
      }
    }
  `,
})
export class CustomerPage {
  private readonly apollo = inject(Apollo);
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  /** From the address. */
  readonly id = input.required<string>();

  protected readonly customer = signal<Customer | null>(null);
  protected readonly state = signal<"loading" | "ready" | "absent" | "failed">("loading");
  protected readonly editing = signal(false);
  private query?: QueryRef<CustomerPageQuery, CustomerPageQueryVariables>;

  constructor() {
    titlePage(() => this.customer() && (this.customer()?.name ?? this.customer()?.phone));
    toObservable(this.id)
      .pipe(
        switchMap((id) => {
          this.query = this.apollo.watchQuery({ query: CustomerPageDocument, variables: { id } });
          return this.query.valueChanges;
        }),
        takeUntilDestroyed(),
      )
      .subscribe(({ data, dataState, error }) => {
        if (dataState === "complete") {
          const found = data.node?.__typename === "Customer" ? data.node : null;
          this.customer.set(found);
          this.state.set(found ? "ready" : "absent");
        } else if (error) {
          this.state.set("failed");
        }
      });
  }

  protected reload(): void {
    // The result arrives through the query's observable, a failure too.
    this.query?.refetch().catch(() => undefined);
  }

  protected more(customer: Customer): void {
    void this.query?.fetchMore({
      variables: { after: customer.tickets.pageInfo.endCursor },
      updateQuery: (_, { fetchMoreResult: { node } }) => ({
        node:
          node?.__typename === "Customer"
            ? {
                ...node,
                tickets: {
                  ...node.tickets,
                  nodes: [...customer.tickets.nodes, ...node.tickets.nodes],
                },
              }
            : node,
      }),
    });
  }
}
