import { Injectable, inject } from "@angular/core";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { Session } from "./session";

/** Files go beside the API's JSON, with the same credentials. */
@Injectable({ providedIn: "root" })
export class Files {
  private readonly session = inject(Session);

  /**
   * Sends a mutation whose input has one file, as the GraphQL multipart request specification has
   * it. Throws where there is no outcome.
   */
  async upload<Outcome, Input extends { file: Blob }>(
    mutation: TypedDocumentNode<{ outcome: Outcome }, { input: Input }>,
    { file, ...input }: Input,
  ): Promise<Outcome> {
    const form = new FormData();
    const variables = { input: { ...input, file: null } };
    form.set("operations", JSON.stringify({ query: print(mutation), variables }));
    form.set("map", JSON.stringify({ 0: ["variables.input.file"] }));
    form.set("0", file);
    const response = await this.fetch("/graphql", { method: "POST", body: form });
    const { data, errors } = (await response.json()) as {
      data?: { outcome: Outcome } | null;
      errors?: { message: string }[];
    };
    if (!data) throw new Error(errors?.[0]?.message ?? "an answer without data");
    return data.outcome;
  }

  /** Saves what is there, under that name. Throws where it is not to be had. */
  async download(url: string, fileName: string): Promise<void> {
    const response = await this.fetch(url);
    if (!response.ok) throw new Error(response.statusText);
    saveAs(await response.blob(), fileName);
  }

  private async fetch(url: string, options: RequestInit = {}): Promise<Response> {
    const authorization = await this.session.authorization();
    return fetch(url, { ...options, headers: authorization ? { authorization } : {} });
  }
}

export function saveAs(content: Blob, fileName: string): void {
  const url = URL.createObjectURL(content);
  Object.assign(document.createElement("a"), { href: url, download: fileName }).click();
  URL.revokeObjectURL(url);
}
