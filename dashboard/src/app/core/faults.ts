import type { AbstractControl } from "@angular/forms";
import type { Problem } from "./problems";

/**
 * Puts the server's faults at the fields that they are about, as the error `server`. Says what is
 * left to tell, for faults of no field here.
 */
export function showFaults(
  problem: Problem,
  controls: Partial<Record<string, AbstractControl>>,
): string {
  const rest: string[] = [];
  for (const { path, message } of problem.fields ?? []) {
    const control = controls[path.split(/[.[]/)[0] ?? ""];
    control?.setErrors({ server: message });
    control?.markAsTouched();
    if (!control) rest.push(message);
  }
  return problem.fields?.length ? rest.join(" ") : problem.message;
}
