import { Component, inject, signal } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { Apollo, type QueryRef } from "apollo-angular";
import type { Observable } from "rxjs";
import { showFaults } from "../../core/faults";
import { I18n } from "../../core/i18n";
import { isProblem, outcomeOf } from "../../core/problems";
import { Toasts } from "../../core/toasts";
import type { Role } from "../../schema.generated";
import { Confirm } from "../../ui/confirm";
import { Empty } from "../../ui/empty";
import { FormField } from "../../ui/form-field";
import { SettingsMessages } from "./messages";
import {
  CreateAgentDocument,
  CreateApiKeyDocument,
  PeopleDocument,
  type PeopleQuery,
  type PeopleQueryVariables,
  RevokeApiKeyDocument,
  UpdateAgentDocument,
} from "./settings.generated";

type Agent = PeopleQuery["agents"]["nodes"][number];
type ApiKey = PeopleQuery["apiKeys"]["nodes"][number];

const text = () => new FormControl("", { nonNullable: true, validators: [Validators.required] });

@Component({
  selector: "app-people",
  imports: [Empty, FormField, ReactiveFormsModule],
  template: `
    <section class="card mb-6">
      <h2 class="heading border-line border-b px-4 py-3">{{ s().agents }}</h2>
      <ul>
        @if (!people()) {
          <li class="p-4" [attr.aria-busy]="!failed()">
            @if (failed()) {
              <app-empty icon="cloud-off" [heading]="t().loadFailed">
                <button type="button" class="btn" (click)="reload()">{{ t().retry }}</button>
              </app-empty>
            } @else {
              <div class="skeleton h-24"></div>
            }
          </li>
        }
        @for (agent of people()?.agents?.nodes; track agent.id) {
          <li class="border-line flex flex-wrap items-center gap-x-3 gap-y-2 border-b px-4 py-2">
            <span class="min-w-0 flex-1 break-words max-sm:basis-full">
              <span class="block font-medium" [class.line-through]="!agent.isActive">{{
                agent.name
              }}</span>
              <span class="text-muted text-xs">{{ agent.email }}</span>
            </span>
            <select
              #role
              class="field w-36"
              [attr.aria-label]="s().role + ': ' + agent.name"
              (change)="update(agent, { role: $any(role.value) })"
            >
              @for (each of roles; track each) {
                <option [value]="each" [selected]="each === agent.role">
                  {{ t().role[each] }}
                </option>
              }
            </select>
            <button
              type="button"
              class="btn"
              [attr.aria-label]="
                (agent.isActive ? s().deactivate : s().activate) + ': ' + agent.name
              "
              (click)="agent.isActive ? deactivate(agent) : update(agent, { isActive: true })"
            >
              {{ agent.isActive ? s().deactivate : s().activate }}
            </button>
          </li>
        }
      </ul>
      <form
        class="grid items-start gap-3 p-4 sm:grid-cols-4"
        [formGroup]="form"
        (ngSubmit)="create()"
      >
        <app-form-field [label]="s().name" [control]="form.controls.name"
          ><input class="field" formControlName="name" autocomplete="off"
        /></app-form-field>
        <app-form-field [label]="s().email" [control]="form.controls.email"
          ><input type="email" class="field" formControlName="email" autocomplete="off"
        /></app-form-field>
        <app-form-field [label]="s().password" [control]="form.controls.password"
          ><input
            type="password"
            class="field"
            formControlName="password"
            autocomplete="new-password"
        /></app-form-field>
        <app-form-field [label]="s().role">
          <select class="field" formControlName="role">
            @for (each of roles; track each) {
              <option [value]="each">{{ t().role[each] }}</option>
            }
          </select>
        </app-form-field>
        <div class="flex justify-end sm:col-span-4">
          <button class="btn btn-primary">{{ s().add }}</button>
        </div>
      </form>
    </section>
    <section class="card">
      <h2 class="heading border-line border-b px-4 py-3">{{ s().keys }}</h2>
      <ul>
        @for (key of people()?.apiKeys?.nodes; track key.id) {
          <li class="border-line flex flex-wrap items-center gap-3 border-b px-4 py-2">
            <span class="min-w-40 flex-1 font-medium break-words">{{ key.name }}</span>
            <code class="text-muted text-xs">{{ key.prefix }}…</code>
            <span class="text-muted text-xs">
              {{
                key.lastUsedAt
                  ? s().lastUsed + ": " + i18n.formatDateTime(key.lastUsedAt)
                  : s().neverUsed
              }}
            </span>
            @if (key.revokedAt) {
              <span class="badge bg-sunken text-muted">{{ s().revoked }}</span>
            } @else {
              <button
                type="button"
                class="btn btn-danger"
                [attr.aria-label]="s().revoke + ': ' + key.name"
                (click)="revoke(key)"
              >
                {{ s().revoke }}
              </button>
            }
          </li>
        }
      </ul>
      @if (secret()) {
        <p class="bg-warn-soft text-warn m-4 rounded-md p-3">
          {{ s().secret }}<br /><code class="text-ink font-mono break-all select-all">{{
            secret()
          }}</code>
        </p>
      }
      <form
        class="flex gap-3 p-4"
        (submit)="createKey(name.value); name.value = ''; $event.preventDefault()"
      >
        <input
          #name
          class="field max-w-60"
          required
          [attr.aria-label]="s().name"
          [placeholder]="s().name"
        />
        <button class="btn btn-primary">{{ s().add }}</button>
      </form>
    </section>
  `,
})
export class People {
  private readonly apollo = inject(Apollo);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  protected readonly roles: readonly Role[] = ["AGENT", "SUPERVISOR", "ADMIN"];
  protected readonly people = signal<PeopleQuery | null>(null);
  protected readonly failed = signal(false);
  protected readonly secret = signal<string | null>(null);
  protected readonly form = new FormGroup({
    name: text(),
    email: text(),
    password: text(),
    role: new FormControl<Role>("AGENT", { nonNullable: true }),
  });
  private readonly query: QueryRef<PeopleQuery, PeopleQueryVariables>;

  constructor() {
    this.query = this.apollo.watchQuery({ query: PeopleDocument });
    this.query.valueChanges.pipe(takeUntilDestroyed()).subscribe(({ data, dataState, error }) => {
      if (dataState === "complete") this.people.set(data);
      this.failed.set(error !== undefined);
    });
  }

  protected reload(): void {
    // The result arrives through the query's observable, a failure too.
    this.query.refetch().catch(() => undefined);
  }

  protected async create(): Promise<void> {
    this.form.markAllAsTouched();
    if (this.form.invalid) return;
    const outcome = await this.attempt(
      this.apollo.mutate({
        mutation: CreateAgentDocument,
        variables: { input: this.form.getRawValue() },
      }),
      this.form.controls,
    );
    if (outcome) this.form.reset();
  }

  protected async update(
    { id }: Agent,
    change: { role?: Role; isActive?: boolean },
  ): Promise<void> {
    await this.attempt(
      this.apollo.mutate({
        mutation: UpdateAgentDocument,
        variables: { input: { id, ...change } },
      }),
    );
  }

  protected async deactivate(agent: Agent): Promise<void> {
    const s = this.s();
    const heading = `${s.deactivate}: ${agent.name}`;
    if (await this.confirm.ask({ heading, text: s.deactivateHint, action: s.deactivate })) {
      await this.update(agent, { isActive: false });
    }
  }

  protected async createKey(name: string): Promise<void> {
    const outcome = await this.attempt(
      this.apollo.mutate({
        mutation: CreateApiKeyDocument,
        variables: { input: { name } },
        // The secret is for this once, and for no cache.
        fetchPolicy: "no-cache",
      }),
    );
    if (outcome?.__typename === "ApiKeyPayload") this.secret.set(outcome.secret);
  }

  protected async revoke({ id, name }: ApiKey): Promise<void> {
    const s = this.s();
    const question = { heading: `${s.revoke}: ${name}`, text: s.revokeHint, action: s.revoke };
    if (!(await this.confirm.ask(question))) return;
    await this.attempt(this.apollo.mutate({ mutation: RevokeApiKeyDocument, variables: { id } }));
  }

  /** What came of it; where it was refused, null, and the form or a toast says why. */
  private async attempt<Outcome extends object>(
    mutation: Observable<{ data?: { outcome: Outcome } | null }>,
    controls: Parameters<typeof showFaults>[1] = {},
  ): Promise<Outcome | null> {
    const outcome = await outcomeOf(mutation);
    // What is shown is what there is, also after a refusal.
    this.reload();
    if (!isProblem(outcome)) return outcome;
    const problem = showFaults(outcome, controls);
    if (problem) {
      const detail = this.i18n.explain(problem);
      this.toasts.show({ kind: "error", title: this.s().refused, detail });
    }
    return null;
  }
}
