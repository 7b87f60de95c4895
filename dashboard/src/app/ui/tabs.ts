import { Component, input, output } from "@angular/core";

/** The heads of tab panels; arrow keys move between them. Panels are `#panel-<id>`. */
@Component({
  selector: "app-tabs",
  template: `
    <div role="tablist" class="border-line flex gap-1 overflow-x-auto border-b">
      @for (tab of tabs(); track tab.id) {
        @let isShown = tab.id === shown();
        <button
          type="button"
          role="tab"
          class="-mb-px h-9 border-b-2 px-3 font-medium whitespace-nowrap"
          [class]="
            isShown ? 'border-accent text-ink' : 'text-muted hover:text-ink border-transparent'
          "
          [id]="'tab-' + tab.id"
          [attr.aria-selected]="isShown"
          [attr.aria-controls]="isShown ? 'panel-' + tab.id : null"
          [tabIndex]="isShown ? 0 : -1"
          (click)="changed.emit(tab.id)"
          (keydown.arrowRight)="step($event, 1)"
          (keydown.arrowLeft)="step($event, -1)"
        >
          {{ tab.label }}
        </button>
      }
    </div>
  `,
  host: { class: "block" },
})
export class Tabs {
  readonly tabs = input.required<readonly { id: string; label: string }[]>();
  readonly shown = input.required<string>();
  readonly changed = output<string>();

  protected step(event: Event, by: number): void {
    const tabs = this.tabs();
    const next = tabs[tabs.findIndex(({ id }) => id === this.shown()) + by];
    if (!next) return;
    this.changed.emit(next.id);
    const head = event.target as HTMLElement;
    const neighbour = by > 0 ? head.nextElementSibling : head.previousElementSibling;
    (neighbour as HTMLElement | null)?.focus();
  }
}
