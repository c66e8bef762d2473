// Connections to a program that is just starting.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Resolves with a connection to a Unix socket as soon as somebody listens there.
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<import('node:net').Socket>}
 */
export async function connectedTo(path, signal) {
  for (;;) {
    const socket = connect(path);
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    if (connected) return socket;
    await delay(20, undefined, { signal });
  }
}
