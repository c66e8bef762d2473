/**
 * A WebSocket to the port for which the page was opened, by a fresh ticket: its first message, so no address ever has one. `use`: what
 * comes after it; with `tcp`, the bytes of the connection, as `ArrayBuffer`. It is open when it is returned, and the device may still
 * refuse: then it closes with 4000 + the HTTP status (`end.ts`).
 */
export async function openSocket(ticket: string, use: 'tcp' | 'ssh' = 'tcp'): Promise<WebSocket> {
  const { protocol, host } = location;
  const socket = new WebSocket(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}/${use}`);
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
