// What starts the agent at boot, for each init system: files for a root file system, and scripts for packages.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {import('../packages/file-tree.mjs').FileEntry} FileEntry
 * @typedef {import('../packages/package.mjs').Scripts} Scripts
 * @typedef {keyof typeof systems} InitKind
 */

/** The account that the agent runs as. With systemd, it exists only while the agent runs. */
export const user = 'rm-agent';

/** The line of inittab by which BusyBox init respawns the agent. The S-script of `busybox` then does nothing. */
export const inittabLine = '::respawn:/usr/lib/rm-agent/run';

/**
 * @param {string} name in this folder
 * @param {string} path in the root file system
 * @param {number} mode
 * @returns {FileEntry}
 */
function file(name, path, mode) {
  return { path, mode, content: readFileSync(fileURLToPath(new URL(name, import.meta.url))) };
}

/**
 * @param {string} path
 * @param {string} target
 * @returns {FileEntry}
 */
const link = (path, target) => ({ path, mode: 0o777, link: target });

/** On a Debian system. The configuration and secrets are the administrator's, so that dpkg does not know them. */
const purged = '/var/lib/private/rm-agent /var/lib/rm-agent /etc/rm-agent.*';

/** What every init system but systemd runs as root before the agent. */
const run = () => file('busybox/run', 'usr/lib/rm-agent/run', 0o755);

/**
 * @typedef {object} System
 * @property {() => FileEntry[]} files
 * @property {readonly FileEntry[]} enabling links that make the system start the agent at boot
 * @property {readonly string[]} conffiles absolute paths of the files that people change
 * @property {Scripts} install
 * @property {Scripts} remove
 */

/** @satisfies {Record<string, System>} */
const systems = {
  systemd: {
    files: () => [file('systemd/rm-agent.service', 'usr/lib/systemd/system/rm-agent.service', 0o644)],
    enabling: [
      link(
        'etc/systemd/system/multi-user.target.wants/rm-agent.service',
        '/usr/lib/systemd/system/rm-agent.service',
      ),
    ],
    conffiles: [],
    install: {
      postinst: `if [ "$1" = configure ]; then
	if [ -z "$2" ]; then systemctl enable rm-agent.service >/dev/null 2>&1 || true; fi
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		systemctl restart rm-agent.service || true
	fi
fi
`,
    },
    remove: {
      prerm: `if [ "$1" = remove ]; then
	if [ -d /run/systemd/system ]; then systemctl stop rm-agent.service; fi
	systemctl disable rm-agent.service >/dev/null 2>&1 || true
fi
`,
      postrm: `if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ "$1" = purge ]; then rm -rf ${purged}; fi
`,
    },
  },
  busybox: {
    files: () => [run()],
    enabling: [file('sysv/rm-agent', 'etc/init.d/S90rm-agent', 0o755)],
    conffiles: [],
    install: {},
    remove: {},
  },
  sysv: {
    files: () => [run(), file('sysv/rm-agent', 'etc/init.d/rm-agent', 0o755)],
    enabling: [
      ...['2', '3', '4', '5'].map((level) => link(`etc/rc${level}.d/S90rm-agent`, '../init.d/rm-agent')),
      ...['0', '1', '6'].map((level) => link(`etc/rc${level}.d/K10rm-agent`, '../init.d/rm-agent')),
    ],
    conffiles: ['/etc/init.d/rm-agent'],
    install: {
      postinst: `if [ "$1" = configure ]; then
	update-rc.d rm-agent defaults
	invoke-rc.d rm-agent restart || true
fi
`,
    },
    remove: {
      prerm: `if [ "$1" = remove ]; then invoke-rc.d rm-agent stop || true; fi
`,
      postrm: `if [ "$1" = purge ]; then
	update-rc.d rm-agent remove
	if grep -q '^rm-agent:' /etc/passwd; then userdel rm-agent; fi
	rm -rf ${purged}
fi
`,
    },
  },
  openrc: {
    files: () => [run(), file('openrc/rm-agent', 'etc/init.d/rm-agent', 0o755)],
    enabling: [link('etc/runlevels/default/rm-agent', '/etc/init.d/rm-agent')],
    conffiles: ['/etc/init.d/rm-agent'],
    install: {},
    remove: {},
  },
  procd: {
    files: () => [
      run(),
      file('procd/uci', 'usr/lib/rm-agent/uci', 0o755),
      file('procd/rm-agent.init', 'etc/init.d/rm-agent', 0o755),
      file('procd/rm-agent.config', 'etc/config/rm-agent', 0o600),
      file('procd/rm-agent.uci-defaults', 'etc/uci-defaults/90-rm-agent', 0o644),
      file('procd/rm-agent.hotplug', 'etc/hotplug.d/iface/95-rm-agent', 0o644),
      file('procd/rm-agent.keep', 'lib/upgrade/keep.d/rm-agent', 0o644),
    ],
    enabling: [
      link('etc/rc.d/S95rm-agent', '../init.d/rm-agent'),
      link('etc/rc.d/K05rm-agent', '../init.d/rm-agent'),
    ],
    conffiles: ['/etc/config/rm-agent'],
    // OpenWrt's default scripts of packages enable, start and stop what is in /etc/init.d.
    install: {},
    remove: {},
  },
};

/** @returns {InitKind[]} */
export const initKinds = () => /** @type {InitKind[]} */ (Object.keys(systems));

/**
 * What a root file system needs besides the executable (`/usr/bin/rm-agent`) and its configuration.
 * @param {InitKind} kind
 * @param {{ enabled?: boolean }} [options] `enabled: false` leaves out what makes the system start the agent at boot:
 *   packages do that in {@link installScripts}
 * @returns {FileEntry[]}
 */
export function initFiles(kind, { enabled = true } = {}) {
  const { files, enabling } = systems[kind];
  return [...files(), ...(enabled ? enabling : [])];
}

/**
 * Files of {@link initFiles} that people change.
 * @param {InitKind} kind
 * @returns {readonly string[]}
 */
export const initConffiles = (kind) => systems[kind].conffiles;

/**
 * @param {InitKind} kind
 * @returns {Scripts}
 */
export const installScripts = (kind) => systems[kind].install;

/**
 * @param {InitKind} kind
 * @returns {Scripts}
 */
export const removeScripts = (kind) => systems[kind].remove;
