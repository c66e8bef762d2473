import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { TerminalSize } from '../ssh/requests.ts';
import { ServedSsh } from './served-ssh.ts';
import type { Asked, Given, Told } from './thread-messages.ts';

/** Runs in a thread of its own: one SSH session. What a device does to the SSH library, it does to this thread. */

/** Of the thread: a device that has keys exchanged without end takes no time from the event loop of the server. */
const niceness = 10;

const port = parentPort;
if (port) {
  const waiting = new Map<number, (value: Given['value']) => void>();
  let asked = 0;
  port.on('message', ({ id, value }: Given) => {
    waiting.get(id)?.(value);
    waiting.delete(id);
  });
  const ask = (what: Asked['what'], value?: string | Uint8Array) =>
    new Promise<Given['value']>((resolve) => {
      const id = ++asked;
      waiting.set(id, resolve);
      port.postMessage((value === undefined ? { id, what } : { id, what, value }) satisfies Asked);
    });
  const tell = (told: Told) => port.postMessage(told);
  async function* all(what: 'readPage' | 'readDevice'): AsyncGenerator<string | Buffer> {
    for (;;) {
      const value = await ask(what);
      if (value === null || typeof value === 'boolean') return;
      yield typeof value === 'string' ? value : Buffer.from(value);
    }
  }
  // Linux counts threads one by one; elsewhere it would be the whole server.
  if (process.platform === 'linux') setPriority(niceness);
  // Promises of the library that nobody waits for, or not yet: it looks at what the device says it speaks only after its own words have
  // gone. What they tell comes by others, too.
  process.on('unhandledRejection', () => {});
  process.on('rejectionHandled', () => {});
  const messages = all('readPage');
  let closing = { code: 1000, reason: '' };
  const socket = {
    messages,
    send: async (message: string | Uint8Array) => (await ask('sendPage', message)) === true,
    close: (code = 1000, reason = '') => {
      closing = { code, reason };
    },
  };
  const connection = {
    read: () => all('readDevice') as AsyncIterable<Buffer>,
    write: async (bytes: Uint8Array) => (await ask('writeDevice', bytes)) === true,
    close: () => tell({ tells: 'closeDevice' }),
  };
  const sized = (size: TerminalSize) => tell({ tells: 'size', ...size });
  await ServedSsh.serve(socket, messages, connection, sized, () => tell({ tells: 'parting', ...closing }));
  tell({ tells: 'over', ...closing });
}
