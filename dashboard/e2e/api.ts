type Data = Record<string, unknown>;

interface Ticket {
  ticketId: string;
  id: string;
  version: number;
}

const TICKET = "ticketId id version";

/** The API as any other client sees it, to make what a test needs and to act as somebody else. */
export class Api {
  private constructor(
    readonly url: string,
    private readonly authorization?: string,
    private readonly customerId?: string,
  ) {}

  /** This bot, for one customer. */
  speakingFor(customerId: string): Api {
    return new Api(this.url, this.authorization, customerId);
  }

  static async signIn(url: string, email: string, password: string): Promise<Api> {
    const { accessToken } = await new Api(url).succeed(
      "login",
      "LoginInput",
      { email, password },
      "... on LoginPayload { accessToken }",
    );
    return new Api(url, `Bearer ${String(accessToken)}`);
  }

  async query(query: string, variables: Data = {}): Promise<Data> {
    const response = await fetch(`${this.url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...this.headers() },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: Data | null; errors?: unknown };
    if (errors || !data) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** The success of a mutation; a Problem throws. */
  async succeed(name: string, inputType: string, input: Data, success: string): Promise<Data> {
    const data = await this.query(
      `mutation($input: ${inputType}!) { outcome: ${name}(input: $input) { ${success} ... on Problem { code message } } }`,
      { input },
    );
    const outcome = data["outcome"] as Data;
    if (outcome["code"]) throw new Error(JSON.stringify(outcome));
    return outcome;
  }

  async ticket(mutation: string, input: Data): Promise<Ticket> {
    const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
    const payload = await this.succeed(
      mutation,
      type,
      input,
      `... on TicketPayload { ticket { ${TICKET} } }`,
    );
    return payload["ticket"] as Ticket;
  }

  createTicket(details: Data = {}): Promise<Ticket> {
    return this.ticket("createTicket", {
      subject: "A lamp is dark",
      description: "In front of the school.",
      category: "other",
      ...details,
    });
  }

  async createAgent(name: string, email: string, role: string, password: string): Promise<string> {
    const { agent } = await this.succeed(
      "createAgent",
      "CreateAgentInput",
      { name, email, role, password },
      "... on AgentPayload { agent { id } }",
    );
    return (agent as Data)["id"] as string;
  }

  /** A file of that name, for the staff. */
  async attach(ticketId: string, name: string): Promise<void> {
    const form = new FormData();
    const query = `mutation($input: AttachToTicketInput!) { attachToTicket(input: $input) { __typename } }`;
    form.set(
      "operations",
      JSON.stringify({ query, variables: { input: { ticketId, file: null } } }),
    );
    form.set("map", JSON.stringify({ 0: ["variables.input.file"] }));
    form.set("0", new Blob(["It is dark."]), name);
    const response = await fetch(`${this.url}/graphql`, {
      method: "POST",
      headers: this.headers(),
      body: form,
    });
    const answer = JSON.stringify(await response.json());
    if (!answer.includes("TicketPayload")) throw new Error(answer);
  }

  async createBot(name = "Assistant"): Promise<Api> {
    const { secret } = await this.succeed(
      "createApiKey",
      "CreateApiKeyInput",
      { name },
      "... on ApiKeyPayload { secret }",
    );
    return new Api(this.url, `Bearer ${String(secret)}`);
  }

  async createCustomer(name: string, phone: string): Promise<string> {
    const { customer } = await this.succeed(
      "upsertCustomer",
      "UpsertCustomerInput",
      { name, phone },
      "... on CustomerPayload { customer { id } }",
    );
    return (customer as Data)["id"] as string;
  }

  async startConversation(customerId: string): Promise<string> {
    const { conversation } = await this.succeed(
      "startConversation",
      "StartConversationInput",
      { customerId, channel: "WEB" },
      "... on ConversationPayload { conversation { id } }",
    );
    return (conversation as Data)["id"] as string;
  }

  /** The number of the ticket that the call is about. */
  async callTool(customerId: string, name: string, details: Data): Promise<string> {
    const conversationId = await this.startConversation(customerId);
    const { outcome } = await this.query(
      `mutation($conversationId: ID!, $calls: [ToolCallInput!]!) {
        outcome: executeToolCalls(conversationId: $conversationId, calls: $calls) {
          ... on ToolCallsPayload { outputs { output } }
          ... on Problem { code message }
        }
      }`,
      { conversationId, calls: [{ callId: "1", name, arguments: JSON.stringify(details) }] },
    );
    const ticketId = /[A-Z]+-[\d-]+/.exec(JSON.stringify(outcome))?.[0];
    if (!ticketId) throw new Error(JSON.stringify(outcome));
    return ticketId;
  }

  async recordMessage(conversationId: string, text: string): Promise<void> {
    await this.succeed(
      "recordMessage",
      "RecordMessageInput",
      { conversationId, text, externalId: crypto.randomUUID() },
      // A problem's message is a string.
      "... on MessagePayload { sent: message { id } }",
    );
  }

  /** What a customer writes, for the assistant to answer. */
  async ask(conversationId: string, text: string): Promise<void> {
    await this.succeed(
      "respondToCustomer",
      "RespondToCustomerInput",
      { conversationId, text },
      "... on AnswerPayload { sent: message { id } }",
    );
  }

  private headers(): Record<string, string> {
    return {
      ...(this.authorization && { Authorization: this.authorization }),
      ...(this.customerId && { "X-Customer-Id": this.customerId }),
    };
  }
}
