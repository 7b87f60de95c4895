import { Injectable, signal } from "@angular/core";

export interface Toast {
  id: number;
  kind: "info" | "success" | "error";
  title: string;
  detail?: string;
  link?: string[];
}

const SHOWN_MS = 6_000;
const AT_MOST = 4;

/** Short messages in a corner; the newest four, and each for a few seconds. */
@Injectable({ providedIn: "root" })
export class Toasts {
  private readonly shown = signal<Toast[]>([]);
  readonly all = this.shown.asReadonly();
  private nextId = 0;

  show(toast: Omit<Toast, "id">): void {
    const id = this.nextId++;
    this.shown.update((all) => [...all, { ...toast, id }].slice(-AT_MOST));
    setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  dismiss(id: number): void {
    this.shown.update((all) => all.filter((each) => each.id !== id));
  }
}
