import { Component, inject, signal } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { Apollo, type QueryRef, onlyCompleteData } from "apollo-angular";
import { firstValueFrom } from "rxjs";
import { showFaults } from "../../core/faults";
import { I18n } from "../../core/i18n";
import { Toasts } from "../../core/toasts";
import type { Role } from "../../schema.generated";
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

const text = () => new FormControl("", { nonNullable: true, validators: [Validators.required] });

@Component({
  selector: "app-people",
  imports: [FormField, ReactiveFormsModule],
  template: `
    <section class="card mb-6">
      <h2 class="heading border-line border-b px-4 py-3">{{ s().agents }}</h2>
      <ul>
        @for (agent of people()?.agents?.nodes; track agent.id) {
          <li class="border-line flex flex-wrap items-center gap-3 border-b px-4 py-2">
            <span class="min-w-40 flex-1">
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
              (click)="update(agent, { isActive: !agent.isActive })"
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
            <span class="min-w-40 flex-1 font-medium">{{ key.name }}</span>
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
              <button type="button" class="btn btn-danger" (click)="revoke(key.id)">
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
  private readonly toasts = inject(Toasts);
  protected readonly s = inject(SettingsMessages).s;
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  protected readonly roles: readonly Role[] = ["AGENT", "SUPERVISOR", "ADMIN"];
  protected readonly people = signal<PeopleQuery | null>(null);
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
    this.query.valueChanges
      .pipe(onlyCompleteData(), takeUntilDestroyed())
      .subscribe(({ data }) => this.people.set(data));
  }

  protected async create(): Promise<void> {
    this.form.markAllAsTouched();
    if (this.form.invalid) return;
    const { data } = await firstValueFrom(
      this.apollo.mutate({
        mutation: CreateAgentDocument,
        variables: { input: this.form.getRawValue() },
      }),
    );
    if (data?.outcome.__typename === "AgentPayload") {
      this.form.reset();
      await this.query.refetch();
    } else if (data) {
      const detail = showFaults(data.outcome, this.form.controls);
      if (detail) this.refuse(detail);
    }
  }

  protected async update(
    { id }: Agent,
    change: { role?: Role; isActive?: boolean },
  ): Promise<void> {
    const { data } = await firstValueFrom(
      this.apollo.mutate({
        mutation: UpdateAgentDocument,
        variables: { input: { id, ...change } },
      }),
    );
    if (data && data.outcome.__typename !== "AgentPayload") this.refuse(data.outcome.message);
    await this.query.refetch();
  }

  protected async createKey(name: string): Promise<void> {
    const { data } = await firstValueFrom(
      this.apollo.mutate({
        mutation: CreateApiKeyDocument,
        variables: { input: { name } },
        // The secret is for this once, and for no cache.
        fetchPolicy: "no-cache",
      }),
    );
    if (data?.outcome.__typename === "ApiKeyPayload") this.secret.set(data.outcome.secret);
    else if (data) this.refuse(data.outcome.message);
    await this.query.refetch();
  }

  protected async revoke(id: string): Promise<void> {
    const { data } = await firstValueFrom(
      this.apollo.mutate({ mutation: RevokeApiKeyDocument, variables: { id } }),
    );
    if (data && data.outcome.__typename !== "ApiKeyPayload") this.refuse(data.outcome.message);
  }

  private refuse(detail: string): void {
    this.toasts.show({ kind: "error", title: this.s().refused, detail });
  }
}
