// What is in a package of the agent, whatever its format.
import { version } from '../bundle.mjs';
import { initConffiles, initFiles, installScripts, removeScripts, user } from '../init/init.mjs';

/**
 * @param {object} options
 * @param {string} options.architecture in the words of the package manager
 * @param {import('../init/init.mjs').InitKind} options.init of the system
 * @param {Buffer} options.executable
 * @param {Buffer} options.configuration
 * @returns {import('./package.mjs').Package}
 */
export function agentPackage({ architecture, init, executable, configuration }) {
  return {
    name: 'rm-agent',
    version,
    architecture,
    section: 'net',
    summary: 'remote access to the services of this device',
    details: [
      'The agent connects to a reflector, through NAT, firewalls and proxies. Browsers, SSH, VNC and any TCP client reach the device there.',
      'Enter the reflector and the identity of the device in /etc/rm-agent.json.',
    ],
    licence: 'MIT',
    maintainer: 'Nobody <nobody@example.com>',
    homepage: 'https://example.com/rm-agent',
    // The procd script creates no user: the package manager does.
    ...(init === 'procd' ? { user: `${user}:${user}` } : {}),
    depends: [],
    scripts: { ...installScripts(init), ...removeScripts(init) },
    conffiles: ['/etc/rm-agent.json', ...initConffiles(init)],
    entries: [
      { path: 'usr/bin/rm-agent', mode: 0o755, content: executable },
      { path: 'etc/rm-agent.json', mode: 0o600, content: configuration },
      // The scripts of the package do what enables it at boot.
      ...initFiles(init, { enabled: false }),
    ],
  };
}
