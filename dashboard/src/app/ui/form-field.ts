import { Component, computed, inject, input } from "@angular/core";
import { toSignal, toObservable } from "@angular/core/rxjs-interop";
import type { AbstractControl } from "@angular/forms";
import { EMPTY, map, startWith, switchMap } from "rxjs";
import { I18n } from "../core/i18n";

/** A label over a control, and under it what is wrong with its value. Wrap one control. */
@Component({
  selector: "app-form-field",
  template: `
    <!-- eslint-disable-next-line @angular-eslint/template/label-has-associated-control -- the content is the control -->
    <label class="block">
      <span class="label">
        {{ label() }}
        @if (optional()) {
          <span class="font-normal">({{ t().optional }})</span>
        }
      </span>
      <ng-content />
      @if (fault()) {
        <span class="text-danger mt-1 block text-xs" role="alert">{{ fault() }}</span>
      }
    </label>
  `,
  host: { class: "block" },
})
export class FormField {
  protected readonly t = inject(I18n).t;
  readonly label = input.required<string>();
  readonly optional = input(false);
  readonly control = input<AbstractControl>();

  private readonly errors = toSignal(
    toObservable(this.control).pipe(
      switchMap((control) =>
        control
          ? control.events.pipe(
              startWith(null),
              map(() => (control.touched ? control.errors : null)),
            )
          : EMPTY,
      ),
    ),
  );
  protected readonly fault = computed(() => {
    const errors = this.errors();
    if (!errors) return "";
    if (errors["server"]) return errors["server"] as string;
    const tooLong = errors["maxlength"] as { requiredLength: number } | undefined;
    return tooLong ? this.t().tooLong(tooLong.requiredLength) : this.t().required;
  });
}
