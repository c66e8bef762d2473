import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { authorization, device } from './stage.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly trailers: IncomingMessage['trailers'];
  readonly body: Buffer;
  readonly text: string;
}

/** One request to the device's host name (or to `host`), as the user. */
export function ask(
  port: number,
  path: string,
  options: RequestOptions & { readonly host?: string; readonly body?: string | Buffer } = {},
): Promise<Answer> {
  const { host = `${device.id}.localhost`, body, headers, ...rest } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        agent: false,
        ...rest,
        host: '127.0.0.1',
        port,
        path,
        headers: { Host: `${host}:${port}`, Authorization: authorization, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const whole = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            trailers: response.trailers,
            body: whole,
            text: whole.toString('utf8'),
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
