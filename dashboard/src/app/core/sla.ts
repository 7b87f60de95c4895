import type { SlaState } from "../schema.generated";

export interface SlaTarget {
  state: SlaState;
  dueAt: string;
  elapsedSeconds: number;
  remainingSeconds: number;
}

export interface SlaReading {
  state: SlaState;
  /** Until it is due; negative once overdue. */
  remainingSeconds: number;
}

/** Domain rule: at risk when this part of the time is used. */
const AT_RISK = 0.75;

/** A target as of `now`, in milliseconds: while a clock runs, its state moves without any event. */
export function readSla(target: SlaTarget, now: number): SlaReading {
  if (target.state !== "PENDING" && target.state !== "AT_RISK" && target.state !== "BREACHED") {
    return { state: target.state, remainingSeconds: target.remainingSeconds };
  }
  const remainingSeconds = Math.floor((Date.parse(target.dueAt) - now) / 1000);
  const allowed = target.elapsedSeconds + target.remainingSeconds;
  if (remainingSeconds < 0) return { state: "BREACHED", remainingSeconds };
  const used = allowed > 0 ? 1 - remainingSeconds / allowed : 1;
  return { state: used >= AT_RISK ? "AT_RISK" : "PENDING", remainingSeconds };
}

/** As in `3 d 4 h`, `2 h 05 min`, `4:09`. */
export function formatDuration(seconds: number): string {
  const whole = Math.abs(seconds);
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${pad(minutes % 60)} min`;
  if (minutes >= 10) return `${minutes} min`;
  return `${minutes}:${pad(whole % 60)}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
