import type { Bridge } from '../bridge/bridge.ts';

/**
 * A WebSocket to the port for which the page was opened: a fresh ticket is its first message, so no address ever has one. What
 * comes after are the bytes of the connection, as `ArrayBuffer`. It is open when it is returned, and the device may still refuse:
 * then it closes with 4000 + the HTTP status (`end.ts`). Rejects with `Refused` of the bridge.
 */
export async function openSocket(bridge: Bridge): Promise<WebSocket> {
  return openWith(await bridge.ask('ticket', undefined));
}

/** The same with a ticket that is there already. */
export async function openWith(ticket: string): Promise<WebSocket> {
  const { protocol, host } = location;
  const socket = new WebSocket(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}/tcp`);
  socket.binaryType = 'arraybuffer';
  await new Promise<void>((resolve) => {
    socket.addEventListener('open', () => {
      socket.send(ticket);
      resolve();
    });
    socket.addEventListener('close', () => resolve());
  });
  return socket;
}
