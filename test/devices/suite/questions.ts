import { once } from 'node:events';
import { get } from 'node:http';
import { WebSocket } from 'ws';
import { Mailbox, within } from '../../scenarios/stage/wait.ts';
import { type Answer, neutral, rendered } from './answer.ts';
import { type Ask, ask } from './curl.ts';
import type { Asks } from './device.ts';
import type { Way } from './way.ts';

export interface Question {
  readonly name: string;
  /** The answer, in lines that do not depend on the way. */
  answer(way: Way): Promise<readonly string[]>;
}

/** Two MiB that are not text. */
export interface Desk {
  readonly directory: string;
  readonly upload: string;
}

/** All that can be asked of a device by curl and programs like it. */
export function questionsFor(asks: Asks, desk: Desk): Question[] {
  const questions: Question[] = [];
  const volatile = asks.volatile ?? [];
  const show = (answer: Answer, way: Way) => rendered(answer, way, volatile);
  const add = (name: string, ...requests: readonly Ask[]) => {
    questions.push({
      name,
      answer: async (way) => show(await ask(desk.directory, way, placed(requests, way)), way),
    });
  };

  const { page, image, missing = '/nothing-here', form, upload, download, redirect } = asks;
  add('the page', { path: page });
  add('its head', { path: page, args: ['--head'] });
  add('a page that is not there', { path: missing });
  add('a new page only', {
    path: page,
    args: ['--header', 'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT'],
  });
  if (image !== undefined) {
    add('an image', { path: image });
    add('a part of it', { path: image, args: ['--range', '5-20'] });
    add('a part that it has not', { path: image, args: ['--range', '999999999-'] });
  }
  if (form !== undefined) {
    const post = { path: form.path, args: ['--data', form.body] };
    add('a form', post);
    add('pages and forms on one connection', { path: page }, post, { path: page }, post);
  }
  if (upload !== undefined) {
    const { path, method, stored } = upload;
    const send = ['--request', method, '--header', 'Content-Type: application/octet-stream'];
    const again = stored === undefined ? [] : [{ path: stored }];
    add('an upload', { path, args: [...send, '--data-binary', `@${desk.upload}`] }, ...again);
    if (upload.chunked !== false) {
      const coding = ['--header', 'Transfer-Encoding: chunked'];
      add(
        'an upload of unknown length',
        { path, args: [...send, ...coding, '--data-binary', `@${desk.upload}`] },
        ...again,
      );
    }
  }
  if (download !== undefined) add('a download', { path: download });
  if (redirect !== undefined) {
    add('a redirect', { path: redirect });
    add('a redirect that is followed', { path: redirect, args: ['--location'] });
  }
  for (const [i, { method, path, headers = {}, body }] of (asks.others ?? []).entries()) {
    const lines = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
    add(`${i + 1}. ${method} ${path}`, {
      path,
      args: ['--request', method, ...lines, ...(body === undefined ? [] : ['--data', body])],
    });
  }
  if (asks.auth !== undefined) questions.push(authentication(asks.auth, desk, show));
  if (asks.webSocket !== undefined) questions.push(conversation(asks.webSocket, volatile));
  if (asks.stream !== undefined) questions.push(stream(asks.stream));
  return questions;
}

function placed(requests: readonly Ask[], way: Way): Ask[] {
  const put = (text: string) => text.replaceAll('{way}', `-${way.way}-`).replaceAll('{origin}', way.origin);
  return requests.map(({ path, args = [] }) => ({ path: put(path), args: args.map(put) }));
}

/** At the reflector by a header of its own, at the device by the scheme that it wants; without, wrongly, rightly twice. */
function authentication(
  { path, user, password, scheme }: NonNullable<Asks['auth']>,
  { directory }: Desk,
  show: (answer: Answer, way: Way) => string[],
): Question {
  return {
    name: `log-in at the device by ${scheme}`,
    answer: async (way) => {
      const right = { path, args: [`--${scheme}`, '--user', `${user}:${password}`] };
      const wrong = { path, args: [`--${scheme}`, '--user', `${user}-2:wrong`] };
      const lines: string[] = [];
      for (const asks of [[{ path }], [wrong], [right, right]])
        lines.push(...show(await ask(directory, way, asks, way.curlBeside), way));
      return lines;
    },
  };
}

function conversation(
  { path, send, protocol }: NonNullable<Asks['webSocket']>,
  volatile: readonly RegExp[],
): Question {
  return {
    name: 'a WebSocket',
    answer: async (way) => {
      const url = `${way.origin.replace(/^http/, 'ws')}${path}`;
      const socket = new WebSocket(url, protocol === undefined ? [] : [protocol], {
        headers: way.headers,
        origin: way.origin,
        lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
      });
      const messages = new Mailbox<string>('a message');
      socket.on('message', (data: Buffer) => messages.put(data.toString('latin1')));
      socket.on('unexpected-response', (_request, response) => messages.end(`answer ${response.statusCode}`));
      socket.on('error', ({ message }) => messages.end(message));
      socket.on('close', (code) => messages.end(`closed with ${code}`));
      await within(once(socket, 'open'), `a WebSocket by ${way.name}`);
      const lines = [`protocol ${socket.protocol}`];
      for (const text of send) {
        socket.send(protocol === 'binary' ? Buffer.from(text) : text);
        lines.push(neutral(await messages.next(), way, volatile));
      }
      socket.terminate();
      return lines;
    },
  };
}

function stream({ path, bytes }: NonNullable<Asks['stream']>): Question {
  return {
    name: 'a stream without an end',
    answer: async (way) => {
      const { hostname, port } = new URL(way.origin);
      const headers = { ...way.headers, Host: way.authority };
      const request = get({ host: hostname === '127.0.0.1' ? hostname : '127.0.0.1', port, path, headers });
      const [response] = await within(once(request, 'response'), `the stream by ${way.name}`);
      const pieces: Buffer[] = [];
      let length = 0;
      const enough = new Promise<void>((resolve, reject) => {
        response.on('data', (piece: Buffer) => {
          pieces.push(piece);
          length += piece.length;
          if (length >= bytes) resolve();
        });
        response.on('close', () => reject(new Error(`the stream by ${way.name} ended`)));
      });
      await within(enough, `${bytes} bytes by ${way.name}`);
      request.destroy();
      const begin = Buffer.concat(pieces).subarray(0, bytes).toString('latin1');
      return [`${response.statusCode} ${response.headers['content-type']}`, ...begin.split('\n')];
    },
  };
}
