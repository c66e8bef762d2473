// The Debian packages of the reflectors: the program with a Node of its own, since Debian's is older or has another interface
// for native code; its unit for systemd, user, configuration and log rotation.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceDate } from '../commit.mjs';
import { needPackages } from '../debian.mjs';
import { baseBinary, bases } from '../node-executable/base-binaries.mjs';
import { deb } from '../packages/deb.mjs';
import { textFile } from '../packages/package.mjs';
import { gzip } from '../packages/tar.mjs';
import { debianChangelog } from './debian-changelog.mjs';
import { nodeProgram } from './node-program.mjs';
import { nodePart, npmPart, ownPart } from './parts.mjs';
import { product } from './product.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The programs. */
export const servers = /** @type {const} */ (['rm-reflector', 'rm-server']);

const about = {
  'rm-reflector': {
    summary: 'reference reflector for remote access to devices',
    details: [
      'The reflector takes the tunnels of devices behind NAT, and gives their users the web interface, SSH, VNC and any ' +
        'other TCP service of the devices. This one is managed on its command line.',
    ],
    data: 'reflector.sqlite',
  },
  'rm-server': {
    summary: 'reflector for fleets of devices, with a REST API',
    details: [
      'The server takes the tunnels of devices behind NAT, and gives their users the web interface, SSH, VNC and any ' +
        'other TCP service of the devices. Devices, users and rights are managed over a REST API.',
    ],
    data: 'server.sqlite',
  },
};

const architectures = /** @type {const} */ ({
  amd64: { platform: 'linux-x64', compiler: 'g++' },
  arm64: { platform: 'linux-arm64', compiler: 'g++-aarch64-linux-gnu' },
  armhf: { platform: 'linux-armv7', compiler: 'g++-arm-linux-gnueabihf' },
});

/** @param {typeof servers[number]} name */
function unit(name) {
  const path = fileURLToPath(new URL('../init/systemd/server.service', import.meta.url));
  return readFileSync(path, 'utf8').replaceAll('@NAME@', name).replace('@DESCRIPTION@', about[name].summary);
}

/** @param {typeof servers[number]} name */
const configuration = (name) => ({
  listen: '127.0.0.1:8080',
  domain: 'localhost',
  data: `/var/lib/${name}/${about[name].data}`,
  audit: `/var/log/${name}/audit.log`,
});

/** The program moves its audit log away itself when it is large; this is for those who keep it by time. @param {string} name */
const rotation = (name) => `/var/log/${name}/audit.log {
	su ${name} ${name}
	weekly
	rotate 52
	missingok
	notifempty
	compress
	delaycompress
	create 0600 ${name} ${name}
	postrotate
		systemctl kill --signal=HUP --kill-whom=main ${name}.service 2>/dev/null || true
	endscript
}
`;

/** @param {string} name @returns {Readonly<Record<string, string>>} */
function scripts(name) {
  return {
    postinst: `if [ "$1" = configure ]; then
	if ! getent passwd ${name} >/dev/null; then
		useradd --system --user-group --home-dir /var/lib/${name} --no-create-home --shell /usr/sbin/nologin ${name}
	fi
	# It may name secrets.
	chgrp ${name} /etc/${name}.json
	chmod 0640 /etc/${name}.json
	if [ -z "$2" ]; then systemctl enable ${name}.service >/dev/null 2>&1 || true; fi
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		systemctl restart ${name}.service || true
	fi
fi
`,
    prerm: `if [ "$1" = remove ]; then
	if [ -d /run/systemd/system ]; then systemctl stop ${name}.service; fi
	systemctl disable ${name}.service >/dev/null 2>&1 || true
fi
`,
    postrm: `if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ "$1" = purge ]; then
	if getent passwd ${name} >/dev/null; then userdel ${name}; fi
	rm -rf /var/lib/${name} /var/log/${name} /etc/${name}.json
fi
`,
  };
}

/** @param {readonly import('./node-program.mjs').NpmPackage[]} packages */
function copyright(packages) {
  const text = readFileSync(join(root, 'LICENSE'), 'utf8').trimEnd().split('\n');
  const others = packages.filter(({ name }) => !name.startsWith('rm-'));
  return [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    `Upstream-Name: ${product.name}`,
    `Source: ${product.homepage}`,
    'Comment: The program comes with Node, whose licence is in LICENSE.node, and\n with these npm packages, each with its licence beside it.',
    ...others.map(({ name, version, license }) => `  ${name} ${version}: ${license}`),
    '',
    'Files: *',
    'Copyright: the maintainers of rm-agent, and the authors of these packages',
    'License: MIT',
    ...text.map((line) => (line === '' ? ' .' : ` ${line}`)),
    '',
  ].join('\n');
}

/**
 * @param {typeof servers[number]} name
 * @param {keyof typeof architectures} architecture
 * @param {{ time?: number }} [options] of all files, seconds since 1970
 */
export async function serverPackage(name, architecture, { time = sourceDate() } = {}) {
  const { platform, compiler } = architectures[architecture];
  await needPackages([compiler]);
  const { entries, packages } = await nodeProgram(name, platform);
  const node = await baseBinary(platform);
  const doc = `usr/share/doc/${name}`;
  const start = `#!/bin/sh\nexec /usr/lib/${name}/node /usr/lib/${name}/node_modules/${name}/dist/main.js "$@"\n`;
  const changelog = gzip(readFileSync(join(root, 'CHANGELOG.md')));
  const content = deb(
    {
      ...product,
      ...about[name],
      name,
      architecture,
      section: 'net',
      // What Node links; libatomic1 on armhf only.
      depends: [
        'libc6 (>= 2.28)',
        'libstdc++6',
        'passwd',
        ...(architecture === 'armhf' ? ['libatomic1'] : []),
      ],
      scripts: scripts(name),
      conffiles: [`/etc/${name}.json`, `/etc/logrotate.d/${name}`],
      entries: [
        ...entries,
        { path: `usr/lib/${name}/node`, mode: 0o755, content: readFileSync(join(node, 'node-stripped')) },
        { path: `${doc}/LICENSE.node`, mode: 0o644, content: readFileSync(join(node, 'LICENSE')) },
        { path: `usr/bin/${name}`, mode: 0o755, content: Buffer.from(start) },
        textFile(`usr/lib/systemd/system/${name}.service`, unit(name)),
        textFile(`etc/${name}.json`, `${JSON.stringify(configuration(name), null, 2)}\n`),
        textFile(`etc/logrotate.d/${name}`, rotation(name)),
        textFile(`${doc}/copyright`, copyright(packages)),
        { path: `${doc}/changelog.gz`, mode: 0o644, content: changelog },
        {
          path: `${doc}/changelog.Debian.gz`,
          mode: 0o644,
          content: gzip(Buffer.from(debianChangelog(name, time))),
        },
        textFile(
          `usr/share/lintian/overrides/${name}`,
          `# npm packages and Node, as they are published.\n${name}: embedded-library *\n${name}: embedded-javascript-library *\n${name}: package-contains-documentation-outside-usr-share-doc *\n`,
        ),
      ],
    },
    { time },
  );
  return {
    file: `${name}_${product.version}-1_${architecture}.deb`,
    content,
    parts: [
      ownPart,
      nodePart(bases[platform].version),
      ...packages.filter((one) => !one.name.startsWith('rm-')).map(npmPart),
    ],
  };
}
