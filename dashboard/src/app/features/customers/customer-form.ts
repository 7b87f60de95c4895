import { Component, inject, input, type OnInit, output, signal } from "@angular/core";
import { FormControl, FormGroup, ReactiveFormsModule, Validators } from "@angular/forms";
import { Apollo } from "apollo-angular";
import { firstValueFrom } from "rxjs";
import { showFaults } from "../../core/faults";
import { I18n } from "../../core/i18n";
import { problemOf } from "../../core/problems";
import { FormField } from "../../ui/form-field";
import { type CustomerSummaryFragment, SaveCustomerDocument } from "./customers.generated";

/** Records a customer, or changes the details of the one with that phone. */
@Component({
  selector: "app-customer-form",
  imports: [FormField, ReactiveFormsModule],
  template: `
    <form class="space-y-3" [formGroup]="form" (ngSubmit)="submit()">
      <app-form-field [label]="t().fields.phone" [control]="form.controls.phone">
        <input type="tel" class="field" formControlName="phone" [readonly]="customer()" />
      </app-form-field>
      <app-form-field [label]="t().fields.name" [optional]="true" [control]="form.controls.name">
        <input class="field" formControlName="name" autocomplete="off" />
      </app-form-field>
      <app-form-field [label]="t().fields.email" [optional]="true" [control]="form.controls.email">
        <input type="email" class="field" formControlName="email" autocomplete="off" />
      </app-form-field>
      <p class="text-danger empty:hidden" role="alert">{{ problem() }}</p>
      <div class="flex justify-end gap-2">
        <button type="button" class="btn" (click)="cancelled.emit()">{{ t().cancel }}</button>
        <button class="btn btn-primary" [disabled]="busy()">{{ t().save }}</button>
      </div>
    </form>
  `,
})
export class CustomerForm implements OnInit {
  private readonly apollo = inject(Apollo);
  private readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  /** Whose details change; without it, a new customer. */
  readonly customer = input<CustomerSummaryFragment>();
  /** What was searched for in vain: a phone or a name. */
  readonly searched = input("");
  readonly saved = output<CustomerSummaryFragment>();
  readonly cancelled = output();

  protected readonly busy = signal(false);
  protected readonly problem = signal("");
  protected readonly form = new FormGroup({
    phone: new FormControl("", { nonNullable: true, validators: [Validators.required] }),
    name: new FormControl("", { nonNullable: true, validators: [Validators.maxLength(200)] }),
    email: new FormControl("", { nonNullable: true }),
  });

  ngOnInit(): void {
    const customer = this.customer();
    const searched = this.searched();
    this.form.setValue({
      phone: customer?.phone ?? (/\d{3}/.test(searched) ? searched : ""),
      name: customer?.name ?? (/\d{3}/.test(searched) ? "" : searched),
      email: customer?.email ?? "",
    });
  }

  protected async submit(): Promise<void> {
    this.form.markAllAsTouched();
    if (this.form.controls.phone.hasError("required") || this.busy()) return;
    this.busy.set(true);
    this.problem.set("");
    const { phone, name, email } = this.form.getRawValue();
    const input = { phone, ...(name && { name }), ...(email && { email }) };
    try {
      const { data } = await firstValueFrom(
        this.apollo.mutate({ mutation: SaveCustomerDocument, variables: { input } }),
      );
      const outcome = data?.outcome;
      if (outcome?.__typename === "CustomerPayload") this.saved.emit(outcome.customer);
      else if (outcome) {
        const rest = showFaults(outcome, this.form.controls);
        if (rest) this.problem.set(this.i18n.explain(rest));
      }
    } catch (error) {
      this.problem.set(this.i18n.explain(problemOf(error)));
    } finally {
      this.busy.set(false);
    }
  }
}
