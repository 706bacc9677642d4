// A receiver of webhooks: it keeps what comes, whether its secret signed that (Standard Webhooks), and what it answered.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";

/** Starts it on any free port. `status` is what it answers, with a text. */
export async function startReceiver() {
  const receiver = { status: 204, secrets: [], taken: [], url: "", close: () => server.close() };
  const server = createServer(async (request, response) => {
    const body = await new Response(request).text();
    const id = request.headers["webhook-id"];
    const content = `${id}.${request.headers["webhook-timestamp"]}.${body}`;
    const given = String(request.headers["webhook-signature"]).split(" ");
    const signed = receiver.secrets.filter((secret) => {
      const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
      return given.includes(`v1,${createHmac("sha256", key).update(content).digest("base64")}`);
    });
    receiver.taken.push({ id, type: JSON.parse(body).type, signed: signed.length, status: receiver.status });
    response.writeHead(receiver.status).end(receiver.status === 204 ? undefined : `answered ${receiver.status}`);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  receiver.url = `http://127.0.0.1:${server.address().port}/hook`;
  return receiver;
}
