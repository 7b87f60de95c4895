import { Component, inject, signal } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { Apollo, type QueryRef, onlyCompleteData } from "apollo-angular";
import { I18n } from "../../core/i18n";
import { Ago } from "../../ui/ago";
import { ConfigurationStore } from "./configuration-store";
import { SettingsMessages } from "./messages";
import {
  ConfigurationHistoryDocument,
  type ConfigurationHistoryQuery,
  type ConfigurationHistoryQueryVariables,
  ResetConfigurationDocument,
  RestoreConfigurationDocument,
} from "./settings.generated";

@Component({
  selector: "app-history",
  imports: [Ago],
  template: `
    <ol class="card">
      @for (change of changes()?.nodes; track change.id) {
        <li class="border-line border-b px-4 py-2.5 last:border-0">
          <div class="flex flex-wrap items-center gap-3">
            <span class="min-w-52 flex-1">
              <span class="font-medium">{{ change.section }}</span>
              <span class="text-muted">
                v{{ change.version }} · {{ change.action }} {{ change.subject }}</span
              >
              <span class="text-muted block text-xs"
                >{{ change.changedBy.name }} · <app-ago [at]="change.changedAt"
              /></span>
            </span>
            <button type="button" class="btn" (click)="restore(change.id)">
              {{ s().restore }}
            </button>
          </div>
          <details class="mt-1">
            <summary class="link text-xs">{{ s().before }} / {{ s().after }}</summary>
            <div class="mt-2 grid gap-3 text-xs sm:grid-cols-2">
              <pre class="bg-sunken max-h-60 overflow-auto rounded p-2" tabindex="0">{{
                show(change.before)
              }}</pre>
              <pre class="bg-sunken max-h-60 overflow-auto rounded p-2" tabindex="0">{{
                show(change.after)
              }}</pre>
            </div>
          </details>
        </li>
      } @empty {
        <li class="text-muted p-4">{{ t().none }}</li>
      }
    </ol>
    <div class="mt-4 flex justify-end">
      <button type="button" class="btn btn-danger" (click)="reset()">{{ s().reset }}</button>
    </div>
  `,
})
export class History {
  private readonly store = inject(ConfigurationStore);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
  protected readonly changes = signal<ConfigurationHistoryQuery["configurationHistory"] | null>(
    null,
  );
  private readonly query: QueryRef<ConfigurationHistoryQuery, ConfigurationHistoryQueryVariables>;

  constructor() {
    this.query = inject(Apollo).watchQuery({ query: ConfigurationHistoryDocument });
    this.query.valueChanges
      .pipe(onlyCompleteData(), takeUntilDestroyed())
      .subscribe(({ data }) => this.changes.set(data.configurationHistory));
  }

  protected async restore(changeId: string): Promise<void> {
    await this.store.change(RestoreConfigurationDocument, { changeId });
    await this.query.refetch();
  }

  protected async reset(): Promise<void> {
    await this.store.change(ResetConfigurationDocument, {});
    await this.query.refetch();
  }

  protected show(value: unknown): string {
    return JSON.stringify(value, null, 2);
  }
}
