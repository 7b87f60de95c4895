import { Component, computed, inject, input } from "@angular/core";
import { Clock } from "../core/clock";
import { I18n } from "../core/i18n";

/** How long ago something was; the exact time on hover. */
@Component({
  selector: "app-ago",
  template: `<time [attr.datetime]="at()" [title]="exact()">{{ text() }}</time>`,
  host: { class: "whitespace-nowrap" },
})
export class Ago {
  private readonly clock = inject(Clock);
  private readonly i18n = inject(I18n);
  readonly at = input.required<string>();
  protected readonly text = computed(() => this.i18n.formatAgo(this.at(), this.clock.now()));
  protected readonly exact = computed(() => this.i18n.formatDateTime(this.at()));
}
