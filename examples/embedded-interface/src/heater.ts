import type { IncomingMessage, ServerResponse } from 'node:http';

/** The web interface of a heater. Nothing listens for it: the agent hands it the connections of users. */
export class Heater {
  /** Degrees Celsius. */
  target = 21;
  readonly #least = 5;
  readonly #most = 30;

  /** A request listener of `node:http`. */
  readonly serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? '/', 'http://heater').pathname;
    if (path === '/target' && request.method === 'POST') {
      const target = Number(await body(request, 100));
      if (!(target >= this.#least && target <= this.#most)) {
        response.writeHead(400).end(`allowed is ${this.#least} to ${this.#most}`);
        return;
      }
      this.target = target;
      response.writeHead(204).end();
    } else if (path === '/target') {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(this.target));
    } else if (path === '/') {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page(this.target));
    } else response.writeHead(404).end();
  };
}

/** The text of a request; what is longer than `most` bytes is cut there. */
async function body(request: IncomingMessage, most: number): Promise<string> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) {
    text += piece;
    if (text.length > most) break;
  }
  return text.slice(0, most);
}

function page(target: number): string {
  return `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Heater</title>
  <h1>Heater</h1>
  <label>Target <input id="target" type="number" min="5" max="30" value="${target}"> °C</label>
  <script>
    target.onchange = () => fetch('/target', { method: 'POST', body: target.value });
  </script>
</html>
`;
}
