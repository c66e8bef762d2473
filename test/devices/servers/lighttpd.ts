import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgiPrograms } from '../suite/cgi.ts';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';
import { webDavProperties, whenMade } from '../suite/webdav.ts';

/** lighttpd with WebDAV and shell scripts. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const root = documents(directory);
    cgiPrograms(join(root, 'cgi-bin'));
    mkdirSync(join(root, 'dav'));
    const settings = [
      `server.document-root = "${root}"`,
      'server.bind = "127.0.0.1"',
      `server.port = ${port}`,
      'server.modules = ( "mod_webdav", "mod_cgi" )',
      'index-file.names = ( "index.html" )',
      'mimetype.assign = ( ".html" => "text/html", ".css" => "text/css", ".js" => "text/javascript", ".png" => "image/png", ".txt" => "text/plain" )',
      '$HTTP["url"] =~ "^/dav/" { webdav.activate = "enable" }',
      '$HTTP["url"] =~ "^/cgi-bin/" { cgi.assign = ( ".cgi" => "" ) }',
    ];
    const file = join(directory, 'lighttpd.conf');
    writeFileSync(file, `${settings.join('\n')}\n`);
    return program(port, 'lighttpd', ['-D', '-f', file]);
  },
  asks: {
    ...files,
    form: { path: '/cgi-bin/form.cgi?a=b', body: 'speed=7' },
    upload: { path: '/dav/{way}.bin', method: 'PUT', stored: '/dav/{way}.bin' },
    others: webDavProperties,
    volatile: [whenMade],
  },
};
