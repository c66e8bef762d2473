import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place, Running } from './device.ts';
import { documents } from './documents.ts';
import { program } from './program.ts';

/** nginx with the usual files, and WebDAV below `/dav/`; `more` goes into its server. */
export async function nginx(
  { port, directory }: Place,
  listen: string,
  more: readonly string[] = [],
): Promise<Running> {
  const root = documents(directory);
  mkdirSync(join(root, 'dav'));
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  const settings = `
user root;
daemon off;
pid ${join(directory, 'pid')};
error_log /dev/null;
events {}
http {
  access_log off;
  include /etc/nginx/mime.types;
  ${places.join('\n  ')}
  server {
    listen 127.0.0.1:${port}${listen};
    root ${root};
    client_max_body_size 0;
    ${more.join('\n    ')}
    location /dav/ { dav_methods PUT DELETE MKCOL COPY MOVE; }
  }
}
`;
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, settings);
  return program(port, 'nginx', ['-c', file, '-e', '/dev/null']);
}
