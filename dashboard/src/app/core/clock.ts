import { Injectable, signal } from "@angular/core";

const TICK_MS = 1_000;

/** One pulse for every countdown and every “3 min ago”. */
@Injectable({ providedIn: "root" })
export class Clock {
  private readonly ticks = signal(Date.now());
  readonly now = this.ticks.asReadonly();

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.ticks.set(Date.now());
    }, TICK_MS);
  }
}
