// A package of the agent for one board, whatever its format.
import { initConffiles, initFiles, installScripts, removeScripts, user } from '../init/init.mjs';
import { product } from '../release/product.mjs';

/**
 * With the board's configuration, as those of a release have not.
 * @param {object} options
 * @param {string} options.architecture in the words of the package manager
 * @param {import('../init/init.mjs').InitKind} options.init of the system
 * @param {Buffer} options.executable
 * @param {Buffer} options.configuration
 * @returns {import('../packages/package.mjs').Package}
 */
export function agentPackage({ architecture, init, executable, configuration }) {
  return {
    ...product,
    architecture,
    section: 'net',
    // OpenWrt's package manager makes the user.
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
