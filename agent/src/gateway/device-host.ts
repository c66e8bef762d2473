import { parseIp } from 'rm-protocol';
import type { Host, Network } from '../host.ts';
import { addressFault } from './addresses.ts';
import { SharedLookUps } from './shared-look-ups.ts';
import { SharedNetworkChanges } from './shared-network-changes.ts';

/** The machine as the devices of a gateway see it. */
export interface DeviceHosts {
  /** For tunnels: devices share look-ups and the watch of the network, and none decides on the process. */
  readonly link: Host;
  /** For targets: as `link`, and a name leads to no address that is the gateway's alone. */
  readonly target: Host;
}

export function deviceHosts(host: Host): DeviceHosts {
  const lookUps = new SharedLookUps(host.network);
  const changes = new SharedNetworkChanges(host.network);
  const network = networkWith(
    host.network,
    (name, done) => lookUps.resolve(name, done),
    (changed, failed) => changes.onChange(changed, failed),
  );
  const { clock, crypto, files, processes } = host;
  // What a process has once.
  const system: Host['system'] = Object.create(host.system, {
    limitMemory: { value: () => undefined },
    notify: { value: () => undefined },
  });
  const link: Host = { clock, crypto, network, files, processes, system };
  return {
    link,
    target: { ...link, network: networkWith(network, guarded(host, network), network.onChange) },
  };
}

/** The programs that are run for a device learn which one that is. */
export function forDevice(host: Host, id: string): Host {
  const { clock, crypto, network, files, system } = host;
  return {
    clock,
    crypto,
    network,
    files,
    system,
    processes: {
      run: (command, options, done) =>
        host.processes.run(
          command,
          { ...options, environment: { ...options.environment, RM_DEVICE: id } },
          done,
        ),
    },
  };
}

function networkWith(network: Network, resolve: Network['resolve'], onChange: Network['onChange']): Network {
  const { ownAuthorities, oldTls = false } = network;
  return {
    ...(ownAuthorities === undefined ? {} : { ownAuthorities }),
    oldTls,
    resolve,
    onChange,
    connect: (options, handler) => network.connect(options, handler),
    connectLocal: (path, handler) => network.connectLocal(path, handler),
    listenLocal: (path, accept, failed) => network.listenLocal(path, accept, failed),
  };
}

/** An address, and `localhost`, say what they lead to; any other name says what somebody else makes of it. */
function guarded(host: Host, network: Network): Network['resolve'] {
  return (name, done) =>
    network.resolve(name, (addresses, error) => {
      if (error || parseIp(name) || name.toLowerCase() === 'localhost') {
        done(addresses, error);
        return;
      }
      let fault = '';
      const allowed = addresses.filter((address) => {
        const found = addressFault(host.files, address);
        if (found !== null)
          fault = `${name} is ${address.address}, ${found}; if that is meant, give the address as target`;
        return found === null;
      });
      if (allowed.length === 0 && fault !== '') done([], { code: 'permission', message: fault });
      else done(allowed, null);
    });
}
