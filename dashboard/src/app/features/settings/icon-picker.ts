import { Component, inject, input, output, viewChild } from "@angular/core";
import { Dismiss } from "../../ui/dismiss";
import { CATEGORY_ICONS, CategoryIcon } from "../../ui/icons";
import { SettingsMessages } from "./messages";

/** A category's icon, and the ones to choose from. */
@Component({
  selector: "app-icon-picker",
  imports: [CategoryIcon, Dismiss],
  template: `
    <details class="relative" appDismiss>
      <summary class="btn btn-icon" [style.color]="color()">
        <app-category-icon [name]="chosen()" />
        <span class="sr-only">{{ s().icon }}: {{ chosen() }}</span>
      </summary>
      <div
        class="card bg-raised absolute left-0 z-20 mt-1 grid w-max grid-cols-4 sm:grid-cols-6 gap-1 p-2 shadow-lg"
        role="group"
        [attr.aria-label]="s().icon"
      >
        @for (name of names; track name) {
          <button
            type="button"
            class="btn btn-ghost btn-icon"
            [class.bg-accent-soft]="name === chosen()"
            [attr.aria-label]="name"
            [attr.aria-pressed]="name === chosen()"
            [title]="name"
            (click)="choose(name)"
          >
            <app-category-icon [name]="name" />
          </button>
        }
      </div>
    </details>
  `,
  host: { class: "block" },
})
export class IconPicker {
  protected readonly s = inject(SettingsMessages).s;
  readonly chosen = input.required<string>();
  readonly color = input.required<string>();
  readonly changed = output<string>();
  protected readonly names = Object.keys(CATEGORY_ICONS);
  private readonly menu = viewChild.required(Dismiss);

  protected choose(name: string): void {
    this.changed.emit(name);
    this.menu().close();
  }
}
