import { SshAuthenticationType } from '@microsoft/dev-tunnels-ssh/events/sshAuthenticatingEventArgs.js';
import { AuthenticationInfoRequestMessage } from '@microsoft/dev-tunnels-ssh/messages/authenticationMessages.js';
import {
  ChannelDataMessage,
  ChannelRequestMessage,
  ChannelWindowAdjustMessage,
} from '@microsoft/dev-tunnels-ssh/messages/connectionMessages.js';
import type { KeyExchangeService } from '@microsoft/dev-tunnels-ssh/services/keyExchangeService.js';
import type { SshChannel } from '@microsoft/dev-tunnels-ssh/sshChannel.js';
import { SshServerSession } from '@microsoft/dev-tunnels-ssh/sshServerSession.js';
import { Buffer } from 'buffer';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { configuration } from '../../../src/ssh/algorithms.ts';
import { Curve25519 } from '../../../src/ssh/curve25519.ts';
import { Ed25519Key } from '../../../src/ssh/ed25519.ts';
import { limits } from '../../../src/ssh/limits.ts';
import { type Questions, SshConnection } from '../../../src/ssh/session.ts';
import { ChannelStream } from '../../../src/ssh/stream.ts';
import { Channel, type ChannelSocket } from '../connection/channel.ts';
import { limits as ofPage } from '../limits.ts';

/** One end of a WebSocket without a network. */
class FakeSocket extends EventTarget {
  readyState = 1;
  bufferedAmount = 0;
  other: FakeSocket | null = null;

  send(data: Uint8Array): void {
    this.other?.dispatchEvent(Object.assign(new Event('message'), { data: new Uint8Array(data).buffer }));
  }

  close(code = 1000): void {
    if (this.readyState > 1) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason: '' }));
    this.other?.close(code);
  }
}

const size = { columns: 80, rows: 24 };
const ignore = () => {};
let device: SshServerSession;
let channel: Channel;
/** The shell that the device has opened. */
let opened: Promise<SshChannel>;

beforeEach(async () => {
  const [browser, far] = [new FakeSocket(), new FakeSocket()];
  browser.other = far;
  far.other = browser;
  const config = await configuration(null);
  // What is ours is written for the side of the browser.
  const ofLibrary = config.keyExchangeAlgorithms.filter((one) => !(one instanceof Curve25519));
  config.keyExchangeAlgorithms.splice(0, config.keyExchangeAlgorithms.length, ...ofLibrary);
  device = new SshServerSession(config);
  const pair = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
  device.credentials = { publicKeys: [Ed25519Key.of(pair as CryptoKeyPair)] };
  opened = new Promise((resolve) => {
    device.onChannelOpening(({ channel: shell }) => {
      shell.onRequest((request) => {
        request.isAuthorized = true;
      });
      resolve(shell);
    });
  });
  channel = new Channel(browser as unknown as ChannelSocket);
  device.connect(new ChannelStream(new Channel(far as unknown as ChannelSocket))).catch(() => {});
});
afterEach(() => device.dispose());

/** Lets those in who have this password. */
function takesPassword(secret: string): void {
  device.onAuthenticating((event) => {
    const isRight = event.authenticationType === SshAuthenticationType.clientPassword;
    event.authenticationPromise = Promise.resolve(isRight && event.password === secret ? {} : null);
  });
}

const noQuestions = () => Promise.reject(new Error('nothing is to be asked'));

test('a server without questions takes the password as it is, and may be given another one', async () => {
  device.config.authenticationMethods.splice(0, 9, 'password' as never);
  takesPassword('right');
  const connection = await SshConnection.open(channel, null);
  expect(connection.serverKey.fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  expect(await connection.logInByPassword('root', 'wrong', noQuestions)).toBe(false);
  expect(await connection.logInByPassword('root', 'right', noQuestions)).toBe(true);
});

test('a server with questions gets the password for the first, and the others are asked', async () => {
  const asks = (prompt: string, echo: boolean) =>
    Object.assign(new AuthenticationInfoRequestMessage(), {
      name: 'Pump',
      instruction: 'Two factors',
      prompts: [{ prompt, echo }],
    });
  const given: string[] = [];
  device.onAuthenticating((event) => {
    if (event.authenticationType !== SshAuthenticationType.clientInteractive) return;
    given.push(...(event.infoResponse?.responses ?? []));
    const next = [asks('Password: ', false), asks('Code: ', true)][given.length];
    if (next) event.infoRequest = next;
    const isRight = given.join() === 'secret,123456';
    event.authenticationPromise = Promise.resolve(next || !isRight ? null : {});
  });
  const connection = await SshConnection.open(channel, null);
  const asked: Questions[] = [];
  const answer = (questions: Questions) => {
    asked.push(questions);
    return Promise.resolve(['123456']);
  };
  expect(await connection.logInByPassword('root', 'secret', answer)).toBe(true);
  expect(asked).toEqual([
    { title: 'Pump', instruction: 'Two factors', questions: [{ text: 'Code: ', isShown: true }] },
  ]);
});

test('windowBytes: a server that sends more than was taken loses its connection', async () => {
  takesPassword('right');
  const connection = await SshConnection.open(channel, null);
  expect(await connection.logInByPassword('root', 'right', noQuestions)).toBe(true);
  let taken = 0;
  // The terminal takes nothing.
  const shell = await connection.shell(size, (bytes) => {
    taken += bytes.length;
    return new Promise(() => {});
  });
  const { remoteChannelId } = await opened;
  for (let sent = 0; sent <= limits.windowBytes + 65_536; sent += 16_384) {
    const message = new ChannelDataMessage();
    message.recipientChannel = remoteChannelId;
    message.data = Buffer.alloc(16_384);
    await device.sendMessage(message).catch(() => {});
  }
  expect(await shell.ended).toBeNull();
  expect(taken).toBeLessThanOrEqual(limits.windowBytes);
});

test('questions: a server that asks more at once loses its connection', async () => {
  device.onAuthenticating((event) => {
    if (event.authenticationType !== SshAuthenticationType.clientInteractive) return;
    if (event.infoResponse) event.authenticationPromise = Promise.resolve({});
    else {
      event.infoRequest = Object.assign(new AuthenticationInfoRequestMessage(), {
        prompts: Array.from({ length: limits.questions + 1 }, () => ({ prompt: 'Code: ', echo: true })),
      });
    }
  });
  const connection = await SshConnection.open(channel, null);
  const answer = vi.fn(() => Promise.resolve([]));
  await expect(connection.logInByPassword('root', 'right', answer)).rejects.toThrow();
  expect(answer).not.toHaveBeenCalled();
});

test('a device opens no channels', async () => {
  takesPassword('right');
  const connection = await SshConnection.open(channel, null);
  expect(await connection.logInByPassword('root', 'right', noQuestions)).toBe(true);
  await expect(device.openChannel('forwarded-tcpip')).rejects.toThrow();
  await connection.shell(size, () => Promise.resolve());
});

test('unsentBytes, unsentPieceBytes: a device that takes no answers loses its connection', async () => {
  takesPassword('right');
  const connection = await SshConnection.open(channel, null);
  expect(await connection.logInByPassword('root', 'right', noQuestions)).toBe(true);
  const shell = await connection.shell(size, () => Promise.resolve());
  const answer = new Uint8Array(ofPage.messageBytes);
  const pieces = Math.floor(limits.unsentBytes / (ofPage.messageBytes + limits.unsentPieceBytes));
  for (let sent = 0; sent < pieces; sent++) shell.write(answer).catch(ignore);
  const over = vi.fn();
  channel.ended.then(over, over);
  await expect(device.openChannel('forwarded-tcpip')).rejects.toThrow();
  expect(over).not.toHaveBeenCalled();
  for (let sent = 0; sent < pieces; sent++) shell.write(answer).catch(ignore);
  expect(await shell.ended).toBeNull();
});

test('a request that means nothing here is refused at once, also while a paste waits for the device', async () => {
  takesPassword('right');
  const connection = await SshConnection.open(channel, null);
  expect(await connection.logInByPassword('root', 'right', noQuestions)).toBe(true);
  const shell = await connection.shell(size, () => Promise.resolve());
  const far = await opened;
  const pasteBytes = 2 * far.maxWindowSize;
  let received = 0;
  const full = new Promise<void>((resolve) => {
    far.onDataReceived(({ length }) => {
      received += length;
      if (received >= far.maxWindowSize) resolve();
    });
  });
  for (let sent = 0; sent < pasteBytes; sent += ofPage.messageBytes)
    shell.write(new Uint8Array(ofPage.messageBytes)).catch(ignore);
  await full;
  expect(await far.request(new ChannelRequestMessage('keepalive@openssh.com', true))).toBe(false);
  const all = new Promise<void>((resolve) => {
    far.onDataReceived(({ length }) => {
      far.adjustWindow(length);
      if (received === pasteBytes) resolve();
    });
  });
  far.adjustWindow(received);
  await all;
});

test('unsentBytes: a device that never ends a key exchange loses its connection', async () => {
  takesPassword('right');
  const connection = await SshConnection.open(channel, null);
  expect(await connection.logInByPassword('root', 'right', noQuestions)).toBe(true);
  const shell = await connection.shell(size, () => Promise.resolve());
  const window = new ChannelWindowAdjustMessage();
  window.recipientChannel = (await opened).remoteChannelId;
  window.bytesToAdd = 2 * limits.unsentBytes;
  await device.sendMessage(window);
  const { kexService } = device as unknown as { readonly kexService: KeyExchangeService };
  const [begin] = await kexService.startKeyExchange(false);
  const answered = new Promise<void>((resolve) => {
    // It takes no more messages.
    Object.assign(device, { handleMessage: () => resolve() });
  });
  await device.sendMessage(begin);
  await answered;
  let over = false;
  shell.ended
    .then(() => {
      over = true;
    })
    .catch(() => {});
  for (let sent = 0; sent < 2 * limits.unsentBytes; sent += ofPage.messageBytes) {
    shell.write(new Uint8Array(ofPage.messageBytes)).catch(ignore);
    // What the library takes waits in it, and not for the shell.
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(over).toBe(true);
});

test('a device begins a key exchange, and both sides go on', async () => {
  takesPassword('right');
  const connection = await SshConnection.open(channel, null);
  expect(await connection.logInByPassword('root', 'right', noQuestions)).toBe(true);
  const saidBytes = 327_680;
  let taken = 0;
  let allTaken = () => {};
  const all = new Promise<void>((resolve) => {
    allTaken = resolve;
  });
  const shell = await connection.shell(size, async ({ length }) => {
    taken += length;
    if (taken === saidBytes) allTaken();
  });
  const far = await opened;
  // Internal to the library: after how many bytes it begins an exchange.
  Object.assign(device.config, { keyRotationThreshold: 65_536 });
  const typed = new Promise<Buffer>((resolve) => far.onDataReceived(resolve));
  for (let sent = 0; sent < saidBytes; sent += 16_384) await far.send(Buffer.alloc(16_384));
  expect(await shell.write(new TextEncoder().encode('ls'))).toBe(true);
  expect((await typed).toString()).toBe('ls');
  await all;
});
