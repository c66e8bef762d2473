import { addresses, type Lab } from './lab.ts';

/** Something that happens to a network, and what sets it right again. */
export interface Disturbance {
  readonly name: string;
  readonly happen: (lab: Lab) => void | Promise<void>;
  /** Called once the agent has noticed. `null`: the network is right again at once, and the agent has yet to notice. */
  readonly mend: ((lab: Lab) => void | Promise<void>) | null;
}

export const disturbances: readonly Disturbance[] = [
  {
    name: 'the cable is pulled, and plugged in again',
    happen: (lab) => lab.sh('device', 'ip link set eth0 down'),
    mend: (lab) => {
      lab.sh('device', 'ip link set eth0 up');
      lab.setDefaultRoute();
    },
  },
  {
    name: 'the device gets another address',
    happen: (lab) => {
      lab.sh('device', `ip addr add ${addresses.deviceLater}/24 dev eth0`);
      lab.sh('device', `ip addr del ${addresses.device}/24 dev eth0`);
      lab.sh('device', `ip addr replace ${addresses.deviceLater}/24 dev eth0`);
      lab.setDefaultRoute();
    },
    mend: null,
  },
  {
    name: 'the router forgets its translations',
    happen: (lab) => lab.sh('router', 'conntrack -F'),
    mend: null,
  },
  {
    name: 'packets vanish on the way, and come through again',
    happen: (lab) => lab.sh('router', `ip route add blackhole ${addresses.internet}/32`),
    mend: (lab) => lab.sh('router', `ip route del blackhole ${addresses.internet}/32`),
  },
  {
    name: 'the router rejects, and lets through again',
    happen: (lab) =>
      lab.sh(
        'router',
        `nft add chain ip filter closed '{ type filter hook forward priority -1; }'
         nft add rule ip filter closed reject with tcp reset`,
      ),
    mend: (lab) => lab.sh('router', 'nft flush chain ip filter closed; nft delete chain ip filter closed'),
  },
];
