import { Component, ElementRef, effect, inject, input, untracked, viewChild } from "@angular/core";
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  Legend,
  LinearScale,
  Tooltip,
} from "chart.js";
import { I18n } from "../../core/i18n";
import { Preferences } from "../../core/preferences";

Chart.register(BarController, BarElement, CategoryScale, Legend, LinearScale, Tooltip);

export interface DayCount {
  date: string;
  created: number;
  resolved: number;
}

/** Created against resolved, day by day; the same as a table for those who do not see it. */
@Component({
  selector: "app-day-chart",
  template: `
    <h2 class="heading mb-3">{{ t().overview.perDay }}</h2>
    <div class="relative h-56"><canvas #canvas aria-hidden="true"></canvas></div>
    <details class="mt-2">
      <summary class="link text-xs">{{ t().overview.asTable }}</summary>
      <div
        class="mt-2 max-h-60 overflow-y-auto"
        tabindex="0"
        role="region"
        [attr.aria-label]="t().overview.perDay"
      >
        <table class="w-full text-left text-xs tabular-nums">
          <thead>
            <tr>
              <th class="py-1 font-medium">{{ t().overview.day }}</th>
              <th class="py-1 font-medium">{{ t().overview.created }}</th>
              <th class="py-1 font-medium">{{ t().overview.resolved }}</th>
            </tr>
          </thead>
          <tbody>
            @for (day of days(); track day.date) {
              <tr class="border-line border-t">
                <td class="py-1">{{ day.date }}</td>
                <td>{{ day.created }}</td>
                <td>{{ day.resolved }}</td>
              </tr>
            }
          </tbody>
        </table>
      </div>
    </details>
  `,
  host: { class: "card block p-4" },
})
export class DayChart {
  private readonly i18n = inject(I18n);
  private readonly theme = inject(Preferences).theme;
  protected readonly t = this.i18n.t;
  readonly days = input.required<readonly DayCount[]>();
  private readonly canvas = viewChild.required<ElementRef<HTMLCanvasElement>>("canvas");

  constructor() {
    // Colors and words are drawn into the canvas: anew for another theme or language.
    effect((onCleanup) => {
      this.theme();
      const { created, resolved } = this.t().overview;
      const chart = draw(this.canvas().nativeElement, created, resolved);
      untracked(() => this.fill(chart));
      this.chart = chart;
      onCleanup(() => chart.destroy());
    });
    effect(() => {
      if (this.chart) this.fill(this.chart);
    });
  }

  private chart?: ReturnType<typeof draw>;

  private fill(chart: ReturnType<typeof draw>): void {
    const days = this.days();
    chart.data.labels = days.map(({ date }) => this.i18n.formatDay(`${date}T12:00`));
    const [created, resolved] = chart.data.datasets;
    if (created) created.data = days.map((day) => day.created);
    if (resolved) resolved.data = days.map((day) => day.resolved);
    chart.update("none");
  }
}

function draw(canvas: HTMLCanvasElement, created: string, resolved: string) {
  const style = getComputedStyle(canvas);
  const color = (name: string) => resolveColor(canvas, `var(--color-${name})`);
  return new Chart(canvas, {
    type: "bar",
    data: {
      labels: [] as string[],
      datasets: [
        { label: created, data: [] as number[], backgroundColor: "#6366f1", borderRadius: 3 },
        { label: resolved, data: [] as number[], backgroundColor: "#10b981", borderRadius: 3 },
      ],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      font: { family: style.fontFamily },
      color: color("muted"),
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { align: "end", labels: { boxWidth: 10, boxHeight: 10 } } },
      scales: {
        x: { grid: { display: false }, ticks: { color: color("muted"), maxRotation: 0 } },
        y: {
          beginAtZero: true,
          border: { display: false },
          grid: { color: color("line") },
          ticks: { color: color("muted"), precision: 0 },
        },
      },
    },
  });
}

/** A custom property as the canvas can use it: `light-dark()` is only resolved on elements. */
function resolveColor(element: HTMLElement, value: string): string {
  element.style.color = value;
  const { color } = getComputedStyle(element);
  element.style.color = "";
  return color;
}
