import { Component, computed, effect, inject, signal } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { Apollo, type QueryRef, onlyCompleteData } from "apollo-angular";
import { I18n } from "../../core/i18n";
import { Ago } from "../../ui/ago";
import { Confirm } from "../../ui/confirm";
import { ConfigurationStore } from "./configuration-store";
import { DifferenceList } from "./difference-list";
import { differences } from "./differences";
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
  imports: [Ago, DifferenceList],
  template: `
    <ol class="card">
      @for (change of changes(); track change.id) {
        <li
          class="border-line border-b px-4 py-2.5 last:border-0"
          [attr.data-section]="change.section"
        >
          <div class="flex flex-wrap items-center gap-3">
            <span class="min-w-52 flex-1">
              <span class="font-medium">{{ s().sections[change.section] }}</span>
              <span class="text-muted">
                · {{ s().actions[change.action] }} {{ change.subject }}
              </span>
              <span class="text-muted block text-xs">
                {{ s().version(change.version) }} ·
                {{ change.changedBy.kind === "SYSTEM" ? t().system : change.changedBy.name }} ·
                <app-ago [at]="change.changedAt" />
              </span>
            </span>
            @if (!change.isCurrent) {
              <button type="button" class="btn" (click)="restore(change.id)">
                {{ s().restore }}
              </button>
            }
          </div>
          @if (change.differences.length) {
            <details class="mt-1">
              <summary class="link text-xs">{{ s().changed(change.differences.length) }}</summary>
              <app-difference-list
                class="bg-sunken mt-2 rounded p-3"
                [differences]="change.differences"
              />
            </details>
          }
        </li>
      } @empty {
        <li class="p-4" [attr.aria-busy]="!page()">
          @if (page()) {
            <span class="text-muted">{{ t().none }}</span>
          } @else {
            <div class="skeleton h-24"></div>
          }
        </li>
      }
    </ol>
    <div class="mt-4 flex justify-between gap-3">
      @if (page()?.pageInfo?.hasNextPage) {
        <button type="button" class="btn" (click)="more()">{{ t().more }}</button>
      }
      <button type="button" class="btn btn-danger ml-auto" (click)="reset()">
        {{ s().reset }}
      </button>
    </div>
  `,
})
export class History {
  private readonly store = inject(ConfigurationStore);
  private readonly confirm = inject(Confirm);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly t = inject(I18n).t;
  protected readonly page = signal<ConfigurationHistoryQuery["configurationHistory"] | null>(null);
  protected readonly changes = computed(() =>
    (this.page()?.nodes ?? []).map((change, place, all) => ({
      ...change,
      isCurrent: all.findIndex(({ section }) => section === change.section) === place,
      // What was there from the start is no change.
      differences: change.before === null ? [] : differences(change.before, change.after),
    })),
  );
  private readonly query: QueryRef<ConfigurationHistoryQuery, ConfigurationHistoryQueryVariables>;

  constructor() {
    this.query = inject(Apollo).watchQuery({ query: ConfigurationHistoryDocument });
    this.query.valueChanges
      .pipe(onlyCompleteData(), takeUntilDestroyed())
      .subscribe(({ data }) => this.page.set(data.configurationHistory));
    // Whoever changed it.
    let isFirst = true;
    effect(() => {
      this.store.configuration();
      if (!isFirst) this.reload();
      isFirst = false;
    });
  }

  protected more(): void {
    void this.query.fetchMore({
      variables: { after: this.page()?.pageInfo.endCursor },
      updateQuery: ({ configurationHistory: shown }, { fetchMoreResult }) => ({
        configurationHistory: {
          ...fetchMoreResult.configurationHistory,
          nodes: [
            ...shown.nodes,
            ...fetchMoreResult.configurationHistory.nodes,
          ] as typeof shown.nodes,
        },
      }),
    });
  }

  protected restore(changeId: string): void {
    void this.store.change(RestoreConfigurationDocument, { changeId });
  }

  protected async reset(): Promise<void> {
    const s = this.s();
    const question = { heading: s.reset, text: s.resetHint, action: s.reset };
    if (await this.confirm.ask(question)) await this.store.change(ResetConfigurationDocument, {});
  }

  private reload(): void {
    // A failure leaves what was known.
    this.query.refetch().catch(() => undefined);
  }
}
