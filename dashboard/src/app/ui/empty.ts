import { Component, input } from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";

/** Why there is nothing here, and what to do about it. */
@Component({
  selector: "app-empty",
  imports: [LucideDynamicIcon],
  template: `
    <div class="flex flex-col items-center px-6 py-16 text-center">
      <span class="bg-sunken text-muted mb-3 grid size-11 place-items-center rounded-full">
        <svg [lucideIcon]="icon()" size="20" aria-hidden="true"></svg>
      </span>
      <p class="font-medium">{{ heading() }}</p>
      @if (hint()) {
        <p class="text-muted mt-1 max-w-sm">{{ hint() }}</p>
      }
      <div class="mt-4 empty:hidden"><ng-content /></div>
    </div>
  `,
})
export class Empty {
  readonly icon = input("inbox");
  readonly heading = input.required<string>();
  readonly hint = input<string>();
}
