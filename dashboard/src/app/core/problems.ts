import { CombinedGraphQLErrors } from "@apollo/client";
import type { ProblemCode } from "../schema.generated";

/** Any member of a mutation's result that is not its success. */
export interface Problem {
  code: ProblemCode;
  message: string;
  fields?: { path: string; message: string }[];
}

export function isProblem<T extends object>(
  outcome: T,
): outcome is Extract<T, { code: ProblemCode }> {
  return "code" in outcome;
}

/** What to tell a person about a request that failed altogether. */
export function failureMessage(error: unknown): string {
  if (CombinedGraphQLErrors.is(error)) return error.errors.map(({ message }) => message).join(" ");
  return error instanceof Error ? error.message : String(error);
}
