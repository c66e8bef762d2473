import { Agent, createServer, request } from 'node:http';

/*
 * The least that a proxy on `node:http` can do, as the yardstick of the reflector's CPU: node minimal-proxy.js PORT TARGET
 * forwards what comes to 127.0.0.1:PORT to the port TARGET, and decides and remembers nothing.
 */

const [port, target] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true });

createServer((incoming, outgoing) => {
  const { method, url: path, headers } = incoming;
  const forwarded = request({ agent, host: '127.0.0.1', port: target, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  incoming.pipe(forwarded);
}).listen({ port, host: '127.0.0.1', backlog: 1024 });
