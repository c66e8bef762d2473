import { useEffect } from 'preact/hooks';
import { call, get, type Page, post, segment } from '../../api/call.ts';
import type { Connection, Device, LiveUsers, NewDevice, TrafficDay } from '../../api/types.ts';
import { disconnect, readDevice, removeDevice } from '../../state/device-actions.ts';
import { duration } from '../../state/format.ts';
import { onHappenings } from '../../state/live.ts';
import { type Resource, useResource } from '../../state/resource.ts';
import { navigate } from '../../state/router.ts';
import { may, now } from '../../state/session.ts';
import { locale, t } from '../../texts/language.ts';
import { Fault, Loading } from '../../ui/blank.tsx';
import { ConfigurationFile } from '../../ui/configuration-file.tsx';
import { Confirm, Dialog, Form, useDialog } from '../../ui/dialog.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Ago, When } from '../../ui/time.tsx';
import { done } from '../../ui/toast.tsx';
import { State } from '../devices/cell.tsx';
import { End } from './connection-end.tsx';
import type { DevicePart } from './device-part.ts';
import { Facts } from './facts.tsx';
import { History } from './history.tsx';
import { DeviceLog } from './log.tsx';
import { Notes } from './notes.tsx';
import { Properties } from './properties.tsx';
import { Services } from './services.tsx';
import { WhoIsOn } from './who-is-on.tsx';

/** Days of the plots. */
const plottedDays = 30;

export function DevicePage({ id }: { readonly id: string }) {
  const path = `/devices/${segment(id)}`;
  const found = useResource((stop) => readDevice(id, stop), [id]);
  const connections = useResource(
    async (stop) => (await get<Page<Connection>>(`${path}/connections`, { limit: 100 }, stop)).items,
    [id],
  );
  const traffic = useResource(
    async (stop) => {
      const since = new Date(Date.now() - plottedDays * 86_400_000).toISOString().slice(0, 10);
      return (await get<{ days: readonly TrafficDay[] }>(`${path}/traffic`, { since }, stop)).days;
    },
    [id],
  );
  const live = useResource((stop) => get<LiveUsers>(`${path}/users`, {}, stop), [id]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = onHappenings((happenings) => {
      const ours = happenings.filter(({ device, kind }) => device === id || kind === 'events.lost');
      if (ours.length === 0 || timer) return;
      timer = setTimeout(() => {
        timer = undefined;
        live.reload();
        if (ours.every(({ kind }) => kind === 'device.access')) return;
        found.reload();
        connections.reload();
      }, 300);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [id]);
  // Whoever looks sees who comes and goes; a hidden page asks for nothing.
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible' && found.value?.device.online) live.reload();
    }, 10_000);
    return () => clearInterval(timer);
  }, [id, found.value?.device.online]);

  if (!found.value) {
    return (
      <>
        <Crumb />
        <div class="head">
          <h1>{id}</h1>
        </div>
        {found.fault === null ? <Loading /> : <Fault fault={found.fault} retry={found.reload} />}
      </>
    );
  }
  const part: DevicePart = { ...found.value, reload: found.reload };
  return <Shown part={part} connections={connections} traffic={traffic} live={live} />;
}

function Crumb() {
  return (
    <p class="crumb">
      <a href="/">{t('devices.title')}</a>
    </p>
  );
}

function Shown({
  part,
  connections,
  traffic,
  live,
}: {
  readonly part: DevicePart;
  readonly connections: Resource<readonly Connection[]>;
  readonly traffic: Resource<readonly TrafficDay[]>;
  readonly live: Resource<LiveUsers>;
}) {
  const { device } = part;
  useEffect(() => {
    document.title = device.name ?? device.id;
  }, [device.name, device.id]);
  return (
    <>
      <Crumb />
      <div class="head">
        <div class="title">
          <h1>{device.name ?? device.id}</h1>
          <div class="line">
            <State online={device.online} />
            <Since device={device} connection={connections.value?.[0]} />
            {device.name !== null && <code class="muted">{device.id}</code>}
          </div>
        </div>
        <Actions part={part} />
      </div>
      <Warnings device={device} />
      {live.value && live.value.waiting.length > 0 && (
        <p class="notice" role="status">
          <Icon name="waiting" />
          {t('device.consent', { ports: live.value.waiting.map(({ port }) => port).join(', ') })}
        </p>
      )}
      <div class="columns">
        <div>
          <Services device={device} />
          <WhoIsOn live={live} />
          <History connections={connections} traffic={traffic} />
          <DeviceLog id={device.id} />
        </div>
        <div>
          <Facts device={device} />
          <Notes part={part} />
          <Properties part={part} />
        </div>
      </div>
    </>
  );
}

/** Since when it is on line or off line, and why it was lost. */
function Since({
  device,
  connection,
}: {
  readonly device: Device;
  readonly connection: Connection | undefined;
}) {
  if (device.online) {
    const began = connection?.live ? connection.began : device.lastConnect;
    if (!began) return null;
    const long = duration(locale(), now.value - Date.parse(began));
    return (
      <span class="muted">
        {t('device.onlineFor', { long })} (<When time={began} />)
      </span>
    );
  }
  if (!device.lastSeen) return <span class="muted">{t('device.never')}</span>;
  return (
    <span class="muted">
      {t('device.offlineSince')} <Ago time={device.lastSeen} /> (<When time={device.lastSeen} />)
      {connection && !connection.live && (
        <>
          {': '}
          <End end={connection.end} />
        </>
      )}
    </span>
  );
}

/** Why it may be away, and what is wrong with it. */
function Warnings({ device }: { readonly device: Device }) {
  const { refused, duplicateNoticed } = device;
  const day = 86_400_000;
  const refusedLast =
    refused !== null &&
    (!device.online || now.value - Date.parse(refused.time) < day) &&
    Date.parse(refused.time) > Date.parse(device.lastConnect ?? '1970-01-01');
  return (
    <>
      {refused && refusedLast && (
        <p class="notice bad">
          <Icon name="warning" />
          <span>
            {t('device.refused', { address: refused.address, reason: refused.reason })}{' '}
            <Ago time={refused.time} />
          </span>
        </p>
      )}
      {duplicateNoticed !== null && now.value - Date.parse(duplicateNoticed) < day && (
        <p class="notice">
          <Icon name="warning" />
          <span>
            {t('device.duplicate')} <Ago time={duplicateNoticed} />
          </span>
        </p>
      )}
    </>
  );
}

function Actions({ part: { device } }: { readonly part: DevicePart }) {
  const { dialog, ask } = useDialog();
  const { id } = device;
  const name = device.name ?? id;
  if (!may('devices.write') && !may('devices.create')) return null;
  return (
    <div class="actions">
      {may('devices.write') && device.online && (
        <button
          type="button"
          class="button"
          onClick={() =>
            ask((close) => (
              <Confirm
                title={t('device.disconnect.title', { device: name })}
                text={t('bulk.disconnect.hint')}
                action={t('bulk.disconnect')}
                run={async () => {
                  await disconnect(id);
                  done(t('device.disconnected'));
                }}
                onClose={close}
              />
            ))
          }
        >
          {t('bulk.disconnect')}
        </button>
      )}
      <Menu label={t('device.more')} icon="more">
        {may('devices.write') && (
          <button
            type="button"
            class="button plain"
            onClick={() => ask((close) => <NewPassword device={device} onClose={close} />)}
          >
            <Icon name="download" />
            {t('device.configuration')}
          </button>
        )}
        {may('enrolment.write') && (
          <button
            type="button"
            class="button plain"
            onClick={() =>
              ask((close) => (
                <Confirm
                  title={t('device.revoke.title', { device: name })}
                  text={t('device.revoke.hint')}
                  action={t('device.revoke')}
                  run={async () => {
                    await call('DELETE', `/devices/${segment(id)}/enrolment`);
                    done(t('device.revoked'));
                  }}
                  onClose={close}
                />
              ))
            }
          >
            <Icon name="key" />
            {t('device.revoke')}
          </button>
        )}
        {may('devices.create') && (
          <button
            type="button"
            class="button danger"
            onClick={() =>
              ask((close) => (
                <Confirm
                  title={t('device.delete.title', { device: name })}
                  text={t('bulk.delete.hint')}
                  action={t('bulk.delete')}
                  run={async () => {
                    await removeDevice(id);
                    done(t('device.deleted', { device: name }));
                    navigate('/');
                  }}
                  onClose={close}
                />
              ))
            }
          >
            {t('bulk.delete')}
          </button>
        )}
      </Menu>
      {dialog}
    </div>
  );
}

/** The password is known to the device only, so its configuration comes with another one. */
function NewPassword({ device, onClose }: { readonly device: Device; readonly onClose: () => void }) {
  const made = useResource<Pick<NewDevice, 'configuration'> | null>(() => Promise.resolve(null), []);
  const submit = async () => {
    made.set(await post<Pick<NewDevice, 'configuration'>>(`/devices/${segment(device.id)}/password`, {}));
  };
  return (
    <Dialog title={t('device.configuration')} onClose={onClose}>
      {made.value ? (
        <>
          <ConfigurationFile id={device.id} configuration={made.value.configuration} />
          <div class="buttons">
            <button type="button" class="button main" onClick={onClose}>
              {t('close')}
            </button>
          </div>
        </>
      ) : (
        <Form submit={submit} action={t('device.configuration.make')} danger cancel={onClose}>
          {() => <p>{t('device.configuration.hint')}</p>}
        </Form>
      )}
    </Dialog>
  );
}
