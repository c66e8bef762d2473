/** The kinds of services in the agent's configuration. */
export type ServiceKind = 'ssh' | 'vnc' | 'rdp';

/** Their ports unless a device says otherwise. */
export const standardPorts: Readonly<Record<ServiceKind, number>> = { ssh: 22, vnc: 5900, rdp: 3389 };

/** Whether `text` names a kind of service. */
export function isServiceKind(text: string): text is ServiceKind {
  return Object.hasOwn(standardPorts, text);
}
