import type { AbstractControl } from "@angular/forms";
import type { Problem } from "./problems";

/**
 * Puts the server's faults at the fields that they are about, as the error `server`. What is left
 * to tell: the problem with the faults of no field here, or null where there are none.
 */
export function showFaults(
  problem: Problem,
  controls: Partial<Record<string, AbstractControl>>,
): Problem | null {
  if (!problem.fields?.length) return problem;
  const fields = problem.fields.filter(({ path, message }) => {
    const control = controls[path.split(/[.[]/)[0] ?? ""];
    control?.setErrors({ server: message });
    control?.markAsTouched();
    return !control;
  });
  return fields.length ? { ...problem, fields } : null;
}
