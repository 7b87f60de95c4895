import { createServer } from "node:http";

const RESPONSE = {
  id: "resp_1",
  object: "response",
  created_at: 1_795_000_000,
  model: "scripted",
  parallel_tool_calls: true,
  tool_choice: "auto",
  tools: [],
  metadata: {},
  error: null,
  incomplete_details: null,
};
const USAGE = {
  input_tokens: 100,
  input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
  output_tokens: 20,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 120,
};

export interface Model {
  url: string;
  /** It has said the first half, and stays silent until then. */
  goOn: () => void;
  stop: () => Promise<void>;
}

/** A language model that says `halves`, and nothing else; see tests/responses_server.py. */
export async function startModel(halves: [string, string]): Promise<Model> {
  let goOn: () => void = () => undefined;
  const isToGoOn = new Promise<void>((resolve) => (goOn = resolve));
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    let sequence = 0;
    const say = (type: string, fields: object) =>
      response.write(
        `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...fields })}\n\n`,
      );
    const place = { item_id: "msg_1", output_index: 0, content_index: 0 };
    const message = (status: string, content: object[]) => ({
      output_index: 0,
      item: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        phase: "final_answer",
        status,
        content,
      },
    });
    const part = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });
    const whole = halves.join("");
    const delta = (text: string) =>
      say("response.output_text.delta", { ...place, delta: text, logprobs: [] });

    say("response.created", { response: { ...RESPONSE, status: "in_progress", output: [] } });
    say("response.output_item.added", message("in_progress", []));
    say("response.content_part.added", { ...place, part: part("") });
    delta(halves[0]);
    void isToGoOn.then(() => {
      delta(halves[1]);
      say("response.output_text.done", { ...place, text: whole, logprobs: [] });
      say("response.content_part.done", { ...place, part: part(whole) });
      const done = message("completed", [part(whole)]);
      say("response.output_item.done", done);
      const output = [done.item];
      say("response.completed", {
        response: { ...RESPONSE, status: "completed", output, usage: USAGE },
      });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the model is not there");
  return {
    url: `http://127.0.0.1:${String(address.port)}/v1`,
    goOn,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
