import type { Outage } from './database.ts';

/** For several pools of connections to one database: an outage has one line when it begins, and one when it is over. */
export function oncePerOutage(warn: (text: string) => void): (text: string, outage?: Outage) => void {
  let isAway = false;
  return (text, outage) => {
    if (outage !== undefined && isAway === (outage === 'begun')) return;
    if (outage !== undefined) isAway = outage === 'begun';
    warn(text);
  };
}
