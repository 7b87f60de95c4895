import { Component, inject, model, signal } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { Apollo, onlyCompleteData } from "apollo-angular";
import { Subject, debounceTime, distinctUntilChanged, map, of, switchMap } from "rxjs";
import { I18n } from "../../core/i18n";
import { CustomerForm } from "../customers/customer-form";
import type { CustomerSummaryFragment } from "../customers/customers.generated";
import { FindCustomersDocument } from "./new-ticket.generated";

const SEARCH_PAUSE_MS = 250;

/** Finds a customer by name or phone, or records a new one. */
@Component({
  selector: "app-customer-picker",
  imports: [CustomerForm],
  template: `
    @if (customer(); as chosen) {
      <div class="card bg-sunken flex items-center gap-3 px-3 py-2">
        <div class="min-w-0 flex-1">
          <p class="truncate font-medium">{{ chosen.name || t().customers.nameless }}</p>
          <p class="text-muted truncate text-xs">{{ chosen.phone }}</p>
        </div>
        <button type="button" class="btn" (click)="customer.set(null)">
          {{ t().newTicket.change }}
        </button>
      </div>
    } @else if (creating()) {
      <div class="card p-4">
        <app-customer-form
          [searched]="search()"
          (saved)="choose($event)"
          (cancelled)="creating.set(false)"
        />
      </div>
    } @else {
      <input
        #box
        type="search"
        class="field"
        autocomplete="off"
        [attr.aria-label]="t().newTicket.findCustomer"
        [placeholder]="t().newTicket.findCustomer"
        [value]="search()"
        (input)="type(box.value)"
      />
      @if (search()) {
        <ul class="card mt-1 max-h-60 overflow-y-auto p-1">
          @for (each of found(); track each.id) {
            <li>
              <button
                type="button"
                class="hover:bg-sunken flex w-full items-center gap-3 rounded px-2 py-1.5 text-left"
                (click)="choose(each)"
              >
                <span class="min-w-0 flex-1 truncate">{{
                  each.name || t().customers.nameless
                }}</span>
                <span class="text-muted text-xs tabular-nums">{{ each.phone }}</span>
              </button>
            </li>
          } @empty {
            <li class="text-muted px-2 py-1.5">{{ t().newTicket.noMatch }}</li>
          }
          <li>
            <button
              type="button"
              class="text-accent hover:bg-sunken w-full rounded px-2 py-1.5 text-left font-medium"
              (click)="creating.set(true)"
            >
              {{ t().newTicket.createCustomer }}: “{{ search() }}”
            </button>
          </li>
        </ul>
      }
    }
  `,
})
export class CustomerPicker {
  private readonly apollo = inject(Apollo);
  protected readonly t = inject(I18n).t;
  readonly customer = model<CustomerSummaryFragment | null>(null);

  protected readonly search = signal("");
  protected readonly found = signal<CustomerSummaryFragment[]>([]);
  protected readonly creating = signal(false);
  private readonly typed = new Subject<string>();

  constructor() {
    this.typed
      .pipe(
        debounceTime(SEARCH_PAUSE_MS),
        distinctUntilChanged(),
        switchMap((search) =>
          search
            ? this.apollo
                .watchQuery({ query: FindCustomersDocument, variables: { search } })
                .valueChanges.pipe(
                  onlyCompleteData(),
                  map(({ data }) => data.customers.nodes),
                )
            : of([]),
        ),
        takeUntilDestroyed(),
      )
      .subscribe((found) => this.found.set(found));
  }

  protected type(text: string): void {
    this.search.set(text.trim());
    this.typed.next(text.trim());
  }

  protected choose(customer: CustomerSummaryFragment): void {
    this.customer.set(customer);
    this.creating.set(false);
    this.search.set("");
  }
}
