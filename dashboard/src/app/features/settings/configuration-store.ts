import { Injectable, inject, signal } from "@angular/core";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { Apollo, onlyCompleteData } from "apollo-angular";
import { firstValueFrom } from "rxjs";
import { failureMessage } from "../../core/problems";
import { Toasts } from "../../core/toasts";
import { SettingsMessages } from "./messages";
import {
  type ConfigurationOutcomeFragment,
  SettingsDocument,
  type WholeConfigurationFragment,
} from "./settings.generated";

export type Configuration = WholeConfigurationFragment;

/** The whole configuration, as it is, and the one way in which to change it. */
@Injectable({ providedIn: "root" })
export class ConfigurationStore {
  private readonly apollo = inject(Apollo);
  private readonly toasts = inject(Toasts);
  private readonly s = inject(SettingsMessages).s;

  readonly configuration = signal<Configuration | null>(null);

  constructor() {
    this.apollo
      .watchQuery({ query: SettingsDocument })
      .valueChanges.pipe(onlyCompleteData())
      .subscribe(({ data }) => this.configuration.set(data.configuration));
  }

  /** Whether it was carried out; a toast says so, or every fault with its place. */
  async change<Variables extends Record<string, unknown>>(
    mutation: TypedDocumentNode<{ outcome: ConfigurationOutcomeFragment }, Variables>,
    variables: Variables,
  ): Promise<boolean> {
    let detail: string;
    try {
      const { data } = await firstValueFrom(this.apollo.mutate({ mutation, variables }));
      if (data?.outcome.__typename === "ConfigurationPayload") {
        this.toasts.show({ kind: "success", title: this.s().saved });
        return true;
      }
      detail = data ? explain(data.outcome) : "";
    } catch (error) {
      detail = failureMessage(error);
    }
    this.toasts.show({ kind: "error", title: this.s().refused, detail });
    return false;
  }
}

type Refusal = Exclude<ConfigurationOutcomeFragment, { __typename: "ConfigurationPayload" }>;

function explain(problem: Refusal): string {
  return problem.__typename === "ValidationProblem"
    ? problem.fields.map(({ path, message }) => `${path}: ${message}`).join(" ")
    : problem.message;
}
