import { Component, input, output } from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";
import { Dismiss } from "./dismiss";

/** A button that opens a list of choices of which any number may be taken. */
@Component({
  selector: "app-filter-menu",
  imports: [Dismiss, LucideDynamicIcon],
  template: `
    <details class="relative" appDismiss>
      <summary class="btn" [class.!border-accent]="chosen().length">
        {{ label() }}
        @if (chosen().length) {
          <span class="badge bg-accent-soft text-accent -mr-1">{{ chosen().length }}</span>
        }
        <svg lucideIcon="chevron-down" size="14" class="text-muted -mr-1" aria-hidden="true"></svg>
      </summary>
      <fieldset
        class="card bg-raised absolute left-0 z-20 mt-1 max-h-80 min-w-52 overflow-y-auto p-1 shadow-lg"
      >
        <legend class="sr-only">{{ label() }}</legend>
        @for (option of options(); track option.value) {
          <label class="hover:bg-sunken flex h-8 cursor-pointer items-center gap-2 rounded px-2">
            <input
              type="checkbox"
              class="accent-accent-fill size-4"
              [checked]="chosen().includes(option.value)"
              (change)="toggle(option.value)"
            />
            <span class="whitespace-nowrap">{{ option.label }}</span>
          </label>
        }
      </fieldset>
    </details>
  `,
})
export class FilterMenu<Value extends string> {
  readonly label = input.required<string>();
  readonly options = input.required<readonly { value: Value; label: string }[]>();
  readonly chosen = input.required<readonly Value[]>();
  readonly changed = output<Value[]>();

  protected toggle(value: Value): void {
    const chosen = this.chosen();
    this.changed.emit(
      chosen.includes(value) ? chosen.filter((each) => each !== value) : [...chosen, value],
    );
  }
}
