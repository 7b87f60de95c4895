import { Component, inject, input } from "@angular/core";
import { I18n } from "../../core/i18n";
import type { Difference } from "./differences";
import { SettingsMessages } from "./messages";

/** What was, struck through, above what is. */
@Component({
  selector: "app-difference-list",
  template: `
    <dl class="space-y-2 text-xs">
      @for (each of differences(); track $index) {
        <div>
          <dt class="text-muted break-words">{{ name(each.path) }}</dt>
          <dd class="mt-0.5 max-h-60 overflow-auto break-words whitespace-pre-wrap" tabindex="0">
            @if (text(each.from); as from) {
              <del class="text-danger block">{{ from }}</del>
            }
            @if (text(each.to); as to) {
              <ins class="text-ok block no-underline">{{ to }}</ins>
            }
          </dd>
        </div>
      }
    </dl>
  `,
  host: { class: "block" },
})
export class DifferenceList {
  private readonly s = inject(SettingsMessages).s;
  private readonly t = inject(I18n).t;
  readonly differences = input.required<readonly Difference[]>();

  protected name(path: string[]): string {
    const names: Partial<Record<string, unknown>> = { ...this.t().fields, ...this.s() };
    const inPriority: Partial<Record<string, string>> = this.t().priority;
    return path
      .map((each) => {
        const name = names[each] ?? inPriority[each.toUpperCase()];
        return typeof name === "string" ? name : each;
      })
      .join(" › ");
  }

  protected text(value: unknown): string {
    if (value === null || value === undefined) return "";
    if (typeof value === "boolean") return value ? this.t().yes : this.t().no;
    if (Array.isArray(value) && value.every((each) => typeof each === "string")) {
      return value.join(", ");
    }
    return typeof value === "string" ? value : JSON.stringify(value, null, 1);
  }
}
