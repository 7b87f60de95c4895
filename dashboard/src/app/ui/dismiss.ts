import { Directive, ElementRef, inject } from "@angular/core";

/** Closes a `<details>` menu on Escape, on a click elsewhere, and when focus leaves it. */
@Directive({
  selector: "details[appDismiss]",
  host: {
    "(document:click)": "closeUnlessWithin($event.target)",
    "(focusout)": "closeUnlessWithin($event.relatedTarget ?? element)",
    "(keydown.escape)": "close()",
  },
})
export class Dismiss {
  protected readonly element = inject<ElementRef<HTMLDetailsElement>>(ElementRef).nativeElement;

  protected closeUnlessWithin(target: EventTarget | null): void {
    if (!(target instanceof Node && this.element.contains(target))) this.element.open = false;
  }

  close(): void {
    this.element.open = false;
    this.element.querySelector("summary")?.focus();
  }
}
