import type { ListedDevice } from '../../api/types.ts';
import { propertyOf } from '../../state/columns.ts';
import { t } from '../../texts/language.ts';
import { Ago, When } from '../../ui/time.tsx';

/** What a column says of a device. */
export function Cell({ device, column }: { readonly device: ListedDevice; readonly column: string }) {
  const property = propertyOf(column);
  if (property !== null) return <>{device.properties?.[property] ?? ''}</>;
  switch (column) {
    case 'state':
      return <State online={device.online} />;
    case 'lastSeen':
      if (device.online) return <span class="muted">{t('device.now')}</span>;
      return device.lastSeen ? (
        <Ago time={device.lastSeen} />
      ) : (
        <span class="muted">{t('device.never')}</span>
      );
    case 'domain':
      return <>{device.domain}</>;
    case 'tags':
      return (
        <>
          {device.tags.map((tag) => (
            <span key={tag} class="tag">
              {tag}
            </span>
          ))}
        </>
      );
    case 'version':
      return <>{device.version}</>;
    case 'address':
      return <span class="mono">{device.address}</span>;
    case 'agent':
      return <>{device.agent}</>;
    case 'created':
      return <When time={device.created} />;
    case 'services':
      return <>{servicesOf(device).join(', ')}</>;
    default:
      return null;
  }
}

export function State({ online }: { readonly online: boolean }) {
  return <span class={online ? 'state on' : 'state'}>{t(online ? 'device.online' : 'device.offline')}</span>;
}

function servicesOf({ ports, httpPort, sshPort, vncPort, rdpPort }: ListedDevice): string[] {
  const named: readonly (readonly [number | null, string])[] = [
    [httpPort, 'Web'],
    [sshPort, 'SSH'],
    [vncPort, 'VNC'],
    [rdpPort, 'RDP'],
  ];
  const other = ports.filter((port) => !named.some(([one]) => one === port));
  return [...named.filter(([port]) => port !== null).map(([, name]) => name), ...other.map(String)];
}
