import { Component, effect, inject, signal } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { Apollo, onlyCompleteData } from "apollo-angular";
import { I18n } from "../../core/i18n";
import { isProblem, outcomeOf } from "../../core/problems";
import { Toasts } from "../../core/toasts";
import { Ago } from "../../ui/ago";
import { ConfigurationStore } from "./configuration-store";
import { SettingsMessages } from "./messages";
import {
  AssistantStateDocument,
  type AssistantStateQuery,
  type RevisionChangesFragment,
  SyncAssistantDocument,
} from "./settings.generated";

/** Whether the assistant is told what the configuration says, and what it was told since when. */
@Component({
  selector: "app-assistant-sync",
  imports: [Ago],
  template: `
    @if (told(); as told) {
      @if (told.configuration.assistantSync; as state) {
        <header class="flex flex-wrap items-center gap-3 p-4">
          <h2 class="heading flex-1">{{ s().told }}</h2>
          <span
            class="badge"
            [class]="state.state === 'IN_STEP' ? 'bg-ok-soft text-ok' : 'bg-warn-soft text-warn'"
            data-testid="sync-state"
            >{{ state.state === "IN_STEP" ? s().inStep : s().pending }}</span
          >
          @if (state.state === "PENDING") {
            <button type="button" class="btn btn-primary" [disabled]="busy()" (click)="sync()">
              {{ s().sync }}
            </button>
          }
        </header>
        @if (state.pendingChanges.length) {
          <ul class="space-y-1 px-4 pb-4 text-xs">
            @for (change of state.pendingChanges; track change.path) {
              <li>
                <code class="break-all">{{ change.path }}</code>
              </li>
            }
          </ul>
        }
      }
      <ol>
        @for (revision of told.assistantRevisions.nodes; track $index) {
          <li class="border-line border-t px-4 py-2.5">
            <details>
              <summary class="flex flex-wrap items-center gap-2">
                <code>{{ revision.hash.slice(0, 8) }}</code>
                <span class="text-muted flex-1 text-xs"
                  >{{ revision.activatedBy.name }} · <app-ago [at]="revision.activatedAt"
                /></span>
                <span class="link text-xs">{{ s().changed(revision.changes.length) }}</span>
              </summary>
              <dl class="mt-2 space-y-2 text-xs">
                @for (change of revision.changes; track change.path) {
                  <div>
                    <dt>
                      <code class="break-all">{{ change.path }}</code>
                    </dt>
                    <dd class="mt-0.5 break-words whitespace-pre-wrap">
                      <del class="text-danger block">{{ show(change.from) }}</del>
                      <ins class="text-ok block no-underline">{{ show(change.to) }}</ins>
                    </dd>
                  </div>
                }
              </dl>
            </details>
          </li>
        }
      </ol>
    }
  `,
  host: { class: "card block" },
})
export class AssistantSync {
  private readonly apollo = inject(Apollo);
  private readonly toasts = inject(Toasts);
  private readonly i18n = inject(I18n);
  protected readonly s = inject(SettingsMessages).s;
  private readonly query = this.apollo.watchQuery({ query: AssistantStateDocument });
  protected readonly told = signal<AssistantStateQuery | null>(null);
  protected readonly busy = signal(false);

  constructor() {
    this.query.valueChanges
      .pipe(onlyCompleteData(), takeUntilDestroyed())
      .subscribe(({ data }) => this.told.set(data));
    // What the assistant is told follows what the configuration says.
    const configuration = inject(ConfigurationStore).configuration;
    let isFirst = true;
    effect(() => {
      configuration();
      if (!isFirst) this.reload();
      isFirst = false;
    });
  }

  protected async sync(): Promise<void> {
    this.busy.set(true);
    const outcome = await outcomeOf(this.apollo.mutate({ mutation: SyncAssistantDocument }));
    this.busy.set(false);
    if (isProblem(outcome)) {
      const detail = this.i18n.explain(outcome);
      this.toasts.show({ kind: "error", title: this.s().refused, detail });
    } else {
      this.reload();
    }
  }

  private reload(): void {
    // A failure leaves what was known.
    this.query.refetch().catch(() => undefined);
  }

  protected show(value: RevisionChangesFragment["from"]): string {
    return typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
  }
}
