import { Component, computed, inject, signal } from "@angular/core";
import { takeUntilDestroyed, toObservable } from "@angular/core/rxjs-interop";
import { RouterLink } from "@angular/router";
import { switchMap } from "rxjs";
import { Business } from "../../core/business";
import { I18n } from "../../core/i18n";
import { Live } from "../../core/live";
import { titlePage } from "../../core/page-title";
import { formatDuration } from "../../core/sla";
import type { SlaState, TicketPriority, TicketStatus } from "../../schema.generated";
import { type Bar, Bars } from "./bars";
import { DayChart } from "./day-chart";
import { OverviewDocument, type OverviewSubscription } from "./overview.generated";

const NOBODY_COLOR = "var(--color-edge)";
const STATUS_COLORS: Record<TicketStatus, string> = {
  NEW: "#6366f1",
  OPEN: "#0ea5e9",
  IN_PROGRESS: "#f59e0b",
  PENDING_CUSTOMER: "#a855f7",
  WAITING_INTERNAL: "#c084fc",
  RESOLVED: "#10b981",
  CLOSED: "#9ca3af",
};
const PRIORITY_COLORS: Record<TicketPriority, string> = {
  LOW: "#9ca3af",
  MEDIUM: "#0ea5e9",
  HIGH: "#f59e0b",
  URGENT: "#ef4444",
};
const SLA_COLORS: Record<SlaState, string> = {
  PENDING: "#0ea5e9",
  AT_RISK: "#f59e0b",
  BREACHED: "#ef4444",
  PAUSED: "#a855f7",
  MET: "#10b981",
  MISSED: "#b91c1c",
};

@Component({
  selector: "app-overview",
  imports: [Bars, DayChart, RouterLink],
  templateUrl: "./overview.html",
})
export class Overview {
  private readonly business = inject(Business);
  protected readonly i18n = inject(I18n);
  protected readonly t = this.i18n.t;

  protected readonly ranges = [7, 30, 90];
  protected readonly days = signal(30);
  protected readonly statistics = signal<OverviewSubscription["ticketStatistics"] | null>(null);

  protected readonly headlines = computed(() => {
    const s = this.statistics();
    if (!s) return [];
    const t = this.t().overview;
    const inState = (state: SlaState) =>
      s.resolutionSla.find((each) => each.state === state)?.count ?? 0;
    return [
      { label: t.total, value: s.total, list: {} },
      { label: t.unassigned, value: s.unassigned, list: { assignee: "nobody" } },
      { label: t.escalated, value: s.escalated, list: { escalated: "yes" } },
      { label: t.atRisk, value: inState("AT_RISK"), list: { sla: "AT_RISK" }, tone: "text-warn" },
      {
        label: t.overdue,
        value: inState("BREACHED"),
        list: { sla: "BREACHED" },
        tone: "text-danger",
      },
    ];
  });
  protected readonly times = computed(() => {
    const s = this.statistics();
    const t = this.t().overview;
    return s
      ? [
          { label: t.firstResponse, ...s.firstResponseTime },
          { label: t.resolution, ...s.resolutionTime },
        ]
      : [];
  });
  protected readonly byStatus = computed<Bar[]>(() =>
    (this.statistics()?.byStatus ?? []).map(({ status, count }) => ({
      label: this.t().status[status],
      count,
      color: STATUS_COLORS[status],
      list: { status },
    })),
  );
  protected readonly byPriority = computed<Bar[]>(() =>
    (this.statistics()?.byPriority ?? []).map(({ priority, count }) => ({
      label: this.t().priority[priority],
      count,
      color: PRIORITY_COLORS[priority],
      list: { priority },
    })),
  );
  protected readonly bySla = computed<Bar[]>(() =>
    (this.statistics()?.resolutionSla ?? []).map(({ state, count }) => ({
      label: this.t().sla[state],
      count,
      color: SLA_COLORS[state],
      list: { sla: state },
    })),
  );
  protected readonly byCategory = computed<Bar[]>(() =>
    (this.statistics()?.byCategory ?? []).map(({ category, count }) => {
      // As it is called now: figures come with tickets' changes, not with the configuration's.
      const current = this.business.categories().find(({ id }) => id === category.id) ?? category;
      return {
        label: this.i18n.categoryLabel(current),
        count,
        color: current.color,
        list: { category: category.id },
      };
    }),
  );
  protected readonly byAgent = computed<Bar[]>(() =>
    (this.statistics()?.byAssignee ?? []).map(({ assignee, count }) => ({
      label: assignee?.name ?? this.t().list.unassigned,
      count,
      color: assignee ? "#6366f1" : NOBODY_COLOR,
      list: { assignee: assignee?.id ?? "nobody" },
    })),
  );

  constructor() {
    titlePage(() => this.t().overview.title);
    const live = inject(Live);
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    toObservable(this.days)
      .pipe(
        switchMap((days) => live.subscribe(OverviewDocument, { days, timeZone })),
        takeUntilDestroyed(),
      )
      .subscribe(({ ticketStatistics }) => this.statistics.set(ticketStatistics));
  }

  protected duration(seconds: number | null): string {
    return seconds === null ? "–" : formatDuration(seconds);
  }
}
