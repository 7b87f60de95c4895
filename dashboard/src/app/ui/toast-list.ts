import { Component, inject } from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideDynamicIcon } from "@lucide/angular";
import { I18n } from "../core/i18n";
import { type Toast, Toasts } from "../core/toasts";

const ICONS: Record<Toast["kind"], string> = {
  info: "sparkles",
  success: "circle-check",
  error: "circle-alert",
};

@Component({
  selector: "app-toast-list",
  imports: [RouterLink, LucideDynamicIcon],
  template: `
    @for (toast of toasts.all(); track toast.id) {
      <div
        class="card bg-raised animate-enter pointer-events-auto flex items-start gap-2 p-3 shadow-lg"
        [attr.role]="toast.kind === 'error' ? 'alert' : null"
        data-testid="toast"
      >
        <svg
          [lucideIcon]="icons[toast.kind]"
          class="mt-0.5 shrink-0"
          [class.text-danger]="toast.kind === 'error'"
          [class.text-ok]="toast.kind === 'success'"
          [class.text-accent]="toast.kind === 'info'"
          aria-hidden="true"
        ></svg>
        <div class="min-w-0 flex-1">
          @if (toast.link) {
            <a
              class="link font-medium"
              [routerLink]="toast.link"
              (click)="toasts.dismiss(toast.id)"
            >
              {{ toast.title }}
            </a>
          } @else {
            <p class="font-medium">{{ toast.title }}</p>
          }
          @if (toast.detail) {
            <p class="text-muted line-clamp-3 break-words">{{ toast.detail }}</p>
          }
        </div>
        <button
          type="button"
          class="text-muted hover:text-ink -m-1 rounded p-1"
          [attr.aria-label]="t().close"
          (click)="toasts.dismiss(toast.id)"
        >
          <svg lucideIcon="x" size="14" aria-hidden="true"></svg>
        </button>
      </div>
    }
  `,
  host: {
    role: "status",
    "aria-live": "polite",
    class:
      "pointer-events-none fixed right-4 bottom-4 left-4 z-50 flex flex-col gap-2 sm:left-auto sm:w-80",
  },
})
export class ToastList {
  protected readonly toasts = inject(Toasts);
  protected readonly t = inject(I18n).t;
  protected readonly icons = ICONS;
}
