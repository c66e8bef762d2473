import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgiPrograms } from '../suite/cgi.ts';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';
import { webDavProperties, whenMade } from '../suite/webdav.ts';

const modules = [
  ...['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user', 'auth_digest', 'dir', 'mime'],
  ...['dav', 'dav_fs', 'cgid', 'alias'],
];

/** Apache with WebDAV, shell scripts, and a page behind Digest. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const root = documents(directory);
    cgiPrograms(join(root, 'cgi-bin'));
    for (const name of ['www/dav', 'www/secret', 'state']) mkdirSync(join(directory, name));
    // As root it serves files as another user only.
    if (process.getuid?.() === 0)
      for (const name of ['www/dav', 'state']) chownSync(join(directory, name), 33, 33);
    writeFileSync(join(root, 'secret/index.html'), 'the secret page\n');
    const digest = createHash('md5').update('admin:pump:pump 7').digest('hex');
    writeFileSync(join(directory, 'passwords'), `admin:pump:${digest}\n`);
    const settings = `
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerName device
ServerRoot ${directory}
PidFile ${join(directory, 'pid')}
ScriptSock ${join(directory, 'state/cgi')}
User www-data
Group www-data
Listen 127.0.0.1:${port}
ErrorLog /dev/null
DocumentRoot ${root}
DirectoryIndex index.html
TypesConfig /etc/mime.types
DavLockDB ${join(directory, 'state/locks')}
AddHandler cgi-script .cgi
<Directory ${root}>
  Require all granted
</Directory>
<Directory ${join(root, 'cgi-bin')}>
  Options ExecCGI
</Directory>
<Location /dav/>
  Dav On
</Location>
<Location /secret/>
  AuthType Digest
  AuthName pump
  AuthUserFile ${join(directory, 'passwords')}
  Require valid-user
</Location>
`;
    const file = join(directory, 'apache.conf');
    writeFileSync(file, settings);
    return program(port, 'apache2', ['-DFOREGROUND', '-f', file]);
  },
  asks: {
    ...files,
    form: { path: '/cgi-bin/form.cgi?a=b', body: 'speed=7' },
    upload: { path: '/dav/{way}.bin', method: 'PUT', stored: '/dav/{way}.bin' },
    others: webDavProperties,
    auth: { path: '/secret/', user: 'admin', password: 'pump 7', scheme: 'digest' },
    volatile: [whenMade, /nonce="[^"]*"|rspauth="[^"]*"|cnonce="[^"]*"/g],
  },
};
