import { Component, computed, inject, input } from "@angular/core";
import { LucideDynamicIcon } from "@lucide/angular";
import { Clock } from "../core/clock";
import { I18n } from "../core/i18n";
import { formatDuration, readSla, type SlaTarget } from "../core/sla";
import type { SlaState, TicketPriority, TicketStatus } from "../schema.generated";
import { CategoryIcon } from "./icons";

const STATUS_CLASSES: Record<TicketStatus, string> = {
  NEW: "bg-accent-soft text-accent",
  OPEN: "bg-info-soft text-info",
  IN_PROGRESS: "bg-warn-soft text-warn",
  PENDING_CUSTOMER: "bg-violet-soft text-violet",
  WAITING_INTERNAL: "bg-violet-soft text-violet",
  RESOLVED: "bg-ok-soft text-ok",
  CLOSED: "bg-sunken text-muted",
};

@Component({
  selector: "app-status",
  template: `<span class="badge" [class]="classes()">{{ t().status[status()] }}</span>`,
})
export class Status {
  protected readonly t = inject(I18n).t;
  readonly status = input.required<TicketStatus>();
  protected readonly classes = computed(() => STATUS_CLASSES[this.status()]);
}

const PRIORITY_CLASSES: Record<TicketPriority, string> = {
  LOW: "bg-edge",
  MEDIUM: "bg-info",
  HIGH: "bg-warn",
  URGENT: "bg-danger animate-urgent",
};

@Component({
  selector: "app-priority",
  template: `
    <span class="inline-flex items-center gap-1.5 whitespace-nowrap">
      <span class="size-2 rounded-full" [class]="classes()"></span>
      <span
        [class.text-danger]="priority() === 'URGENT'"
        [class.font-medium]="priority() === 'URGENT'"
      >
        {{ t().priority[priority()] }}
      </span>
    </span>
  `,
})
export class Priority {
  protected readonly t = inject(I18n).t;
  readonly priority = input.required<TicketPriority>();
  protected readonly classes = computed(() => PRIORITY_CLASSES[this.priority()]);
}

@Component({
  selector: "app-category",
  imports: [CategoryIcon],
  template: `
    <span class="inline-flex min-w-0 items-center gap-1.5">
      <app-category-icon [name]="category().icon" [style.color]="category().color" />
      <span class="truncate">{{ i18n.categoryLabel(category()) }}</span>
    </span>
  `,
  host: { class: "inline-flex min-w-0 align-middle" },
})
export class Category {
  protected readonly i18n = inject(I18n);
  readonly category = input.required<{
    label: string;
    labelEn: string | null;
    icon: string;
    color: string;
  }>();
}

const SLA_CLASSES: Record<SlaState, string> = {
  PENDING: "text-muted",
  AT_RISK: "text-warn",
  BREACHED: "text-danger",
  PAUSED: "text-violet",
  MET: "text-ok",
  MISSED: "text-danger",
};
const SLA_ICONS: Record<SlaState, string> = {
  PENDING: "clock",
  AT_RISK: "triangle-alert",
  BREACHED: "circle-alert",
  PAUSED: "pause",
  MET: "check",
  MISSED: "x",
};

/** What is left of a promise, counting down. */
@Component({
  selector: "app-sla",
  imports: [LucideDynamicIcon],
  template: `
    <span
      class="inline-flex items-center gap-1 whitespace-nowrap tabular-nums"
      [class]="classes()"
      [title]="title()"
    >
      <svg [lucideIcon]="icon()" size="14" aria-hidden="true"></svg>
      <span class="sr-only">{{ t().sla[state()] }}</span>
      {{ text() }}
    </span>
  `,
})
export class Sla {
  private readonly clock = inject(Clock);
  private readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;
  readonly target = input.required<SlaTarget>();

  private readonly reading = computed(() => readSla(this.target(), this.clock.now()));
  protected readonly state = computed(() => this.reading().state);
  protected readonly classes = computed(() => SLA_CLASSES[this.state()]);
  protected readonly icon = computed(() => SLA_ICONS[this.state()]);
  protected readonly title = computed(
    () => `${this.t().sla[this.state()]} · ${this.i18n.formatDateTime(this.target().dueAt)}`,
  );
  protected readonly text = computed(() => {
    const { state, remainingSeconds } = this.reading();
    if (state === "MET" || state === "MISSED") return this.t().sla[state];
    return (remainingSeconds < 0 ? "−" : "") + formatDuration(remainingSeconds);
  });
}
