import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';
import { webDav, whenMade } from '../suite/webdav.ts';

/** nginx with its WebDAV, which refuses a chunked body where none is due. */
export const device: Device = {
  start: async ({ port, directory }) => {
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
    listen 127.0.0.1:${port};
    root ${root};
    client_max_body_size 0;
    location /dav/ { dav_methods PUT DELETE MKCOL COPY MOVE; }
  }
}
`;
    const file = join(directory, 'nginx.conf');
    writeFileSync(file, settings);
    return program(port, 'nginx', ['-c', file, '-e', '/dev/null']);
  },
  asks: {
    ...files,
    upload: { path: '/dav/{way}.bin', method: 'PUT', stored: '/dav/{way}.bin' },
    others: webDav,
    volatile: [whenMade],
  },
};
