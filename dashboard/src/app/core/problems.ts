import { CombinedGraphQLErrors } from "@apollo/client";
import { type Observable, firstValueFrom } from "rxjs";
import type { ProblemCode } from "../schema.generated";

/** Any member of a mutation's result that is not its success. */
export interface Problem {
  code: ProblemCode;
  message: string;
  fields?: { path: string; message: string }[];
}

export function isProblem<T extends object>(
  outcome: T,
): outcome is Extract<T, { code: ProblemCode }> & Problem {
  return "code" in outcome;
}

/** What was wrong with a request that failed altogether. */
export function problemOf(error: unknown): Problem {
  if (CombinedGraphQLErrors.is(error)) {
    const [first] = error.errors;
    const code = first?.extensions?.["code"] as ProblemCode | undefined;
    return { code: code ?? "UNAVAILABLE", message: first?.message ?? error.message };
  }
  return { code: "UNAVAILABLE", message: error instanceof Error ? error.message : String(error) };
}

export type Failure = Problem & { __typename: "SimpleProblem" };

/** What came of a mutation; a request that failed altogether is a problem too. */
export async function outcomeOf<Outcome>(
  mutation: Observable<{ data?: { outcome: Outcome } | null }>,
): Promise<Outcome | Failure> {
  try {
    const { data } = await firstValueFrom(mutation);
    if (!data) throw new Error("an answer without data");
    return data.outcome;
  } catch (error) {
    return { __typename: "SimpleProblem", ...problemOf(error) };
  }
}
