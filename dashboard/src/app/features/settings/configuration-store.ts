import { Injectable, effect, inject, signal, untracked } from "@angular/core";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { Apollo, onlyCompleteData } from "apollo-angular";
import { tap } from "rxjs";
import { I18n } from "../../core/i18n";
import { type Failure, type Problem, outcomeOf } from "../../core/problems";
import { Toasts } from "../../core/toasts";
import { type Difference, differences } from "./differences";
import { SettingsMessages } from "./messages";
import {
  type ConfigurationOutcomeFragment,
  SettingsDocument,
  type WholeConfigurationFragment,
} from "./settings.generated";

export type Configuration = WholeConfigurationFragment;
type Change<Variables> = TypedDocumentNode<{ outcome: ConfigurationOutcomeFragment }, Variables>;
type SectionName = Exclude<keyof Configuration, "__typename">;

/** One section as somebody has edited it. */
export interface Edit<Input extends object> {
  mutation: Change<{ input: Input & { expectedVersion: number } }>;
  section: SectionName;
  input: Input;
  draft: Draft;
}

/** Two people changed the same section: what saving would change of what is stored now. */
export interface SettingsConflict {
  differences: Difference[];
  applyMine: () => void;
  keepTheirs: () => void;
}

/** The whole configuration, as it is, and the one way in which to change it. */
@Injectable({ providedIn: "root" })
export class ConfigurationStore {
  private readonly apollo = inject(Apollo);
  private readonly toasts = inject(Toasts);
  private readonly i18n = inject(I18n);
  private readonly s = inject(SettingsMessages).s;

  readonly configuration = signal<Configuration | null>(null);
  readonly failed = signal(false);
  readonly conflict = signal<SettingsConflict | null>(null);
  private readonly query = this.apollo.watchQuery({ query: SettingsDocument });

  constructor() {
    this.query.valueChanges
      .pipe(
        tap(({ error }) => this.failed.set(error !== undefined)),
        onlyCompleteData(),
      )
      .subscribe(({ data }) => this.configuration.set(data.configuration));
  }

  reload(): void {
    // The result arrives through the query's observable, a failure too.
    this.query.refetch().catch(() => undefined);
  }

  /** Whether it was carried out; a toast says so, or every fault with its place. */
  async change<Variables extends Record<string, unknown>>(
    mutation: Change<Variables>,
    variables: Variables,
  ): Promise<boolean> {
    const outcome = await this.send(mutation, variables);
    if (outcome.__typename === "ConfigurationPayload") return true;
    this.refuse(outcome);
    return false;
  }

  /** As `change`; where somebody else changed the section since, asks whose is to stay. */
  async save<Input extends object>(edit: Edit<Input>): Promise<void> {
    const { mutation, section, input, draft } = edit;
    const outcome = await this.send(mutation, {
      input: { ...input, expectedVersion: draft.version },
    });
    if (outcome.__typename === "ConfigurationPayload") {
      draft.take();
    } else if (outcome.__typename === "ConfigurationConflictProblem") {
      const current = outcome.configuration[section];
      this.configuration.set(outcome.configuration);
      this.conflict.set({
        differences: differences(only(current ?? {}, input), input),
        applyMine: () => {
          draft.version = outcome.currentVersion;
          void this.save(edit);
        },
        keepTheirs: () => draft.take(),
      });
    } else {
      this.refuse(outcome);
    }
  }

  private async send<Variables extends Record<string, unknown>>(
    mutation: Change<Variables>,
    variables: Variables,
  ): Promise<ConfigurationOutcomeFragment | Failure> {
    const outcome = await outcomeOf(this.apollo.mutate({ mutation, variables }));
    if (outcome.__typename === "ConfigurationPayload") {
      this.configuration.set(outcome.configuration);
      this.toasts.show({ kind: "success", title: this.s().saved });
    }
    return outcome;
  }

  private refuse(problem: Problem): void {
    const detail = problem.fields?.length
      ? problem.fields.map(({ path, message }) => `${path}: ${message}`).join(" ")
      : this.i18n.explain(problem);
    this.toasts.show({ kind: "error", title: this.s().refused, detail });
  }
}

/** What is being edited of a section, and the version of it that the editor has seen. */
export interface Draft {
  version: number;
  /** Gives up what was edited for what is stored. */
  take: () => void;
}

/**
 * Fills a form from a section, and again whenever others change it, but not under the hands of
 * somebody who is editing. Call it while injecting.
 */
export function draftOf<Section extends { version: number }>(
  section: () => Section | null | undefined,
  form: { isEdited: () => boolean; fill: (section: Section) => void },
): Draft {
  const draft: Draft = {
    version: 0,
    take: () => {
      const stored = section();
      if (!stored) return;
      form.fill(stored);
      draft.version = stored.version;
    },
  };
  effect(() => {
    section();
    untracked(() => {
      if (!form.isEdited()) draft.take();
    });
  });
  return draft;
}

function only(value: object, like: object): object {
  const names = Object.keys(like);
  return withoutTypes(
    Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name))),
  );
}

function withoutTypes<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value, (name, each: unknown) => (name === "__typename" ? undefined : each)),
  ) as Value;
}
