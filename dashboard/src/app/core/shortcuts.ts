import { DestroyRef, Injectable, inject } from "@angular/core";

type Action = (event: KeyboardEvent) => void;

/** Single keys that act wherever nobody is typing and no dialog is open. */
@Injectable({ providedIn: "root" })
export class Shortcuts {
  private readonly actions = new Map<string, Action[]>();

  constructor() {
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const action = this.actions.get(event.key)?.at(-1);
      if (!action) return;
      event.preventDefault();
      action(event);
    });
  }

  /** For as long as the caller lives; the latest for a key wins. Call it while injecting. */
  bind(actions: Record<string, Action>): void {
    const entries = Object.entries(actions);
    for (const [key, action] of entries) {
      this.actions.set(key, [...(this.actions.get(key) ?? []), action]);
    }
    inject(DestroyRef).onDestroy(() => {
      for (const [key, action] of entries) {
        this.actions.set(key, this.actions.get(key)?.filter((each) => each !== action) ?? []);
      }
    });
  }
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"))
  );
}
