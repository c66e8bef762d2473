import { createHash } from 'node:crypto';
import { html, image, pattern, script, style } from './documents.ts';
import type { RawRequest } from './raw-server.ts';

/** What an imitated device answers, before it is put into bytes in the way of that device. */
export interface Content {
  readonly status: number;
  readonly reason: string;
  readonly type: string;
  readonly body: Buffer;
  readonly headers?: readonly string[];
}

const content = (status: number, reason: string, type: string, body: string | Buffer): Content => ({
  status,
  reason,
  type,
  body: Buffer.from(body),
});

const pages = new Map<string, Content>([
  ['/alone', content(200, 'OK', 'text/html', '<link rel="icon" href="data:,"><title>Pump</title>')],
  ['/', content(200, 'OK', 'text/html', html)],
  ['/style.css', content(200, 'OK', 'text/css', style)],
  ['/script.js', content(200, 'OK', 'text/javascript', script)],
  ['/image.png', content(200, 'OK', 'image/png', image)],
  ['/firmware.bin', content(200, 'OK', 'application/octet-stream', pattern(3 << 20))],
]);

/** The content of the usual small device: a page, an image, a download, a redirect, a form, an upload. */
export function smallSite({ method, target, headers, body }: RawRequest): Content {
  if (method === 'POST' || method === 'PUT') {
    const sum = createHash('sha256').update(body).digest('hex');
    return content(
      200,
      'OK',
      'text/plain',
      `${method} ${headers.get('content-type')} ${body.length} ${sum}\n`,
    );
  }
  if (target === '/move') {
    return { ...content(302, 'Found', 'text/html', 'moved'), headers: ['Location: /'] };
  }
  return pages.get(target) ?? content(404, 'Not Found', 'text/html', '<title>Nothing</title>nothing here');
}

/** What to ask of it. */
export const smallAsks = {
  page: '/',
  image: '/image.png',
  download: '/firmware.bin',
  redirect: '/move',
  form: { path: '/form', body: 'speed=7' },
  upload: { path: '/upload', method: 'PUT' },
} as const;

/** The head as most devices write it, and the body unless the request was a HEAD. */
export function written(request: RawRequest, { status, reason, type, body, headers = [] }: Content): Buffer {
  const lines = [
    `HTTP/1.1 ${status} ${reason}`,
    `Content-Type: ${type}`,
    `Content-Length: ${body.length}`,
    ...headers,
    '\r\n',
  ];
  const head = Buffer.from(lines.join('\r\n'), 'latin1');
  return request.method === 'HEAD' ? head : Buffer.concat([head, body]);
}
