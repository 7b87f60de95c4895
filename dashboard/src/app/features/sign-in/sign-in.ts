import { Component, inject, input, signal } from "@angular/core";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { Router } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { I18n } from "../../core/i18n";
import { titlePage } from "../../core/page-title";
import { Refused, Session } from "../../core/session";

@Component({
  selector: "app-sign-in",
  imports: [ReactiveFormsModule, LucideDynamicIcon],
  template: `
    <main class="grid min-h-dvh place-items-center p-4">
      <form class="card w-full max-w-sm p-8 shadow-sm" [formGroup]="form" (ngSubmit)="submit()">
        <span class="bg-accent-fill grid size-10 place-items-center rounded-xl text-white">
          <svg lucideIcon="ticket" size="20" aria-hidden="true"></svg>
        </span>
        <h1 class="mt-4 mb-6 text-xl font-semibold">{{ t().signIn.title }}</h1>
        <label class="label" for="email">{{ t().signIn.email }}</label>
        <input
          id="email"
          type="email"
          class="field h-9"
          formControlName="email"
          autocomplete="username"
        />
        <label class="label mt-4" for="password">{{ t().signIn.password }}</label>
        <input
          id="password"
          type="password"
          class="field h-9"
          formControlName="password"
          autocomplete="current-password"
        />
        <p class="text-danger mt-3 min-h-5" role="alert">{{ problem() }}</p>
        <button class="btn btn-primary mt-3 h-9 w-full" [disabled]="busy()">
          {{ t().signIn.submit }}
        </button>
      </form>
    </main>
  `,
})
export class SignIn {
  private readonly session = inject(Session);
  private readonly router = inject(Router);
  private readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;

  /** The page that asked for it, from the address. */
  readonly to = input<string>();

  protected readonly form = new FormGroup({
    email: new FormControl("", { nonNullable: true, validators: [Validators.required] }),
    password: new FormControl("", { nonNullable: true, validators: [Validators.required] }),
  });
  protected readonly busy = signal(false);
  protected readonly problem = signal("");

  constructor() {
    titlePage(() => this.t().signIn.title);
  }

  protected async submit(): Promise<void> {
    if (this.form.invalid || this.busy()) return;
    const { email, password } = this.form.getRawValue();
    this.busy.set(true);
    this.problem.set("");
    try {
      await this.session.signIn(email, password);
      await this.router.navigateByUrl(this.to() ?? "/");
    } catch (error) {
      const { refused, failed } = this.t().signIn;
      if (!(error instanceof Refused) || !error.code) this.problem.set(failed);
      else if (error.code === "UNAUTHENTICATED") this.problem.set(refused);
      else this.problem.set(this.i18n.explain({ code: error.code, message: error.message }));
    } finally {
      this.busy.set(false);
    }
  }
}
