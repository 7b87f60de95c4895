import { Component, computed, input } from "@angular/core";
import { type Params, RouterLink } from "@angular/router";

export interface Bar {
  label: string;
  count: number;
  color: string;
  /** The list that holds what was counted. */
  list?: Params;
}

/** Counts side by side, each a way into the list. */
@Component({
  selector: "app-bars",
  imports: [RouterLink],
  template: `
    <h2 class="heading mb-3">{{ heading() }}</h2>
    <ul class="space-y-1.5">
      @for (bar of bars(); track bar.label) {
        <li class="relative grid grid-cols-[8.5rem_1fr_2.5rem] items-center gap-3">
          @if (bar.list) {
            <a
              class="truncate after:absolute after:inset-0 hover:underline"
              routerLink="/tickets"
              [queryParams]="bar.list"
              >{{ bar.label }}</a
            >
          } @else {
            <span class="truncate">{{ bar.label }}</span>
          }
          <span class="bg-sunken h-2 overflow-hidden rounded-full">
            <span
              class="block h-full rounded-full transition-[width] duration-500"
              [style.width.%]="(100 * bar.count) / greatest()"
              [style.background-color]="bar.color"
            ></span>
          </span>
          <span class="text-right tabular-nums">{{ bar.count }}</span>
        </li>
      }
    </ul>
  `,
  host: { class: "card block p-4" },
})
export class Bars {
  readonly heading = input.required<string>();
  readonly bars = input.required<readonly Bar[]>();
  protected readonly greatest = computed(() =>
    Math.max(1, ...this.bars().map(({ count }) => count)),
  );
}
