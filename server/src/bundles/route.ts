import type { Call, OpenRoute } from 'rm-reflector/ports';
import type { Asset } from './files.ts';

/** Seconds for which browsers keep a file: its name changes with its content. */
const keptSeconds = 31_536_000;

/** What pages are made of, below `path`: it is no secret, and no call of anybody. */
export function assetsRoute(path: string, files: ReadonlyMap<string, Asset>): OpenRoute {
  return {
    access: 'anyone',
    methods: ['GET', 'HEAD'],
    path: `${path}/*`,
    answer: (call) => {
      const file = files.get(call.parameters[0] ?? '');
      if (!file) return { status: 404, error: 'there is no such file' };
      const { type, content, gzip } = file;
      const packed = takesGzip(call);
      return {
        status: 200,
        type,
        body: packed ? gzip : content,
        headers: { Vary: 'Accept-Encoding', ...(packed ? { 'Content-Encoding': 'gzip' } : {}) },
        maxAge: keptSeconds,
      };
    },
  };
}

/** RFC 9110 section 12.5.3, as far as browsers use it: without a weight of zero. */
function takesGzip({ headers }: Call): boolean {
  return /(^|,)\s*gzip\s*(;\s*q=(1|0\.\d*[1-9])[^,]*)?(,|$)/i.test(String(headers['accept-encoding'] ?? ''));
}
