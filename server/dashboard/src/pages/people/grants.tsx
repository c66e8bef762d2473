import { type Signal, useSignal } from '@preact/signals';
import { call, patch, post, segment } from '../../api/call.ts';
import { Problem } from '../../api/problem.ts';
import { type Grant, roles } from '../../api/types.ts';
import { localTime, readLocalTime, readPorts, tonight } from '../../state/grant-text.ts';
import { useResource } from '../../state/resource.ts';
import { devicePath } from '../../state/router.ts';
import { may } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { Fault, Loading } from '../../ui/blank.tsx';
import { Dialog, Form, useDialog, type Wrong } from '../../ui/dialog.tsx';
import { DomainField } from '../../ui/domain-field.tsx';
import { Choice, Field, textOf } from '../../ui/field.tsx';
import { usePages } from '../../ui/list.tsx';
import { RemoveButton } from '../../ui/remove-button.tsx';
import { Above, Table } from '../../ui/table.tsx';
import { Until } from '../../ui/time.tsx';
import { done } from '../../ui/toast.tsx';

/** Who may do what with which devices, and until when. */
export function Grants() {
  const pages = usePages<Grant>('/grants');
  const { dialog, ask } = useDialog();
  const { reload } = pages;
  const allowed = may('grants.write');
  return (
    <>
      <Above hint={t('grants.hint')}>
        {allowed && (
          <AddButton
            text={t('grants.add')}
            onClick={() => ask((close) => <AddGrant onDone={reload} onClose={close} />)}
          />
        )}
      </Above>
      <Table
        pages={pages}
        keyOf={({ id }) => id}
        empty={{ icon: 'key', title: t('grants.none'), hint: <p class="muted">{t('grants.none.hint')}</p> }}
        columns={[
          {
            title: t('grants.who'),
            cell: ({ user, group }) =>
              user !== null ? (
                <strong>{user}</strong>
              ) : (
                <>
                  <strong>{group}</strong> <span class="tag">{t('column.group')}</span>
                </>
              ),
          },
          { title: t('column.role'), cell: ({ role }) => t(`role.${role}`) },
          {
            title: t('grants.what'),
            cell: ({ domain, device }) =>
              device !== null ? (
                <a href={devicePath(device)}>{device}</a>
              ) : (
                (domain ?? t('grants.everything'))
              ),
          },
          { title: t('grants.ports'), cell: ({ ports }) => portsText(ports) },
          { title: t('grants.until'), cell: ({ until }) => <Until time={until} /> },
          { title: t('grants.by'), cell: ({ createdBy }) => createdBy },
        ]}
        {...(allowed
          ? {
              actions: (grant: Grant) => (
                <>
                  <button
                    type="button"
                    class="button small"
                    onClick={() =>
                      ask((close) => <ChangeEnd grant={grant} onDone={reload} onClose={close} />)
                    }
                  >
                    {t('grants.end')}
                  </button>{' '}
                  <RemoveButton
                    path={`/grants/${segment(grant.id)}`}
                    action={t('grants.remove')}
                    title={t('grants.remove.title', { who: grant.user ?? grant.group ?? '' })}
                    hint={t('grants.remove.hint')}
                    ask={ask}
                    onDone={reload}
                  />
                </>
              ),
            }
          : {})}
      />
      {dialog}
    </>
  );
}

function portsText(ports: Grant['ports'] | 'web'): string {
  if (ports === null) return t('grants.allPorts');
  if (ports === 'web') return t('service.web');
  return ports.map((port) => (port === 'web' ? t('service.web') : String(port))).join(', ');
}

/** When it ends; empty: never. */
function UntilField({ until, wrong }: { readonly until: Signal<string>; readonly wrong: Wrong }) {
  return (
    <>
      <Field
        name="until"
        type="datetime-local"
        label={t('grants.until')}
        hint={t('grants.until.hint')}
        value={until.value}
        wrong={wrong}
        onInput={(event) => {
          until.value = event.currentTarget.value;
        }}
      />
      <p>
        <button
          type="button"
          class="button small"
          onClick={() => {
            until.value = tonight(Date.now());
          }}
        >
          {t('grants.tonight')}
        </button>
      </p>
    </>
  );
}

/** Gives a grant another end, unless somebody has changed it since the form was opened. */
function ChangeEnd({
  grant,
  onDone,
  onClose,
}: {
  readonly grant: Grant;
  readonly onDone: () => void;
  readonly onClose: () => void;
}) {
  const path = `/grants/${segment(grant.id)}`;
  const until = useSignal(localTime(grant.until));
  const read = useResource((signal) => call<Grant>('GET', path, { signal }), [grant.id]);
  const submit = async () => {
    await patch<Grant>(path, { until: readLocalTime(until.value) }, read.value?.version);
    done(t('saved'));
    onClose();
    onDone();
  };
  return (
    <Dialog title={t('grants.end.title', { who: grant.user ?? grant.group ?? '' })} onClose={onClose}>
      {read.value ? (
        <Form submit={submit} action={t('save')} cancel={onClose}>
          {(wrong) => <UntilField until={until} wrong={wrong} />}
        </Form>
      ) : read.fault === null ? (
        <Loading />
      ) : (
        <Fault fault={read.fault} retry={read.reload} />
      )}
    </Dialog>
  );
}

function AddGrant({ onDone, onClose }: { readonly onDone: () => void; readonly onClose: () => void }) {
  const target = useSignal('domain');
  const until = useSignal('');
  const submit = async (fields: FormData) => {
    const ports = readPorts(textOf(fields, 'ports'));
    if (ports === undefined) {
      throw new Problem(400, {
        title: t('grants.ports.wrong'),
        errors: [{ field: '/ports', detail: t('grants.ports.wrong') }],
      });
    }
    const kind = textOf(fields, 'kind');
    await post('/grants', {
      [kind === 'group' ? 'group' : 'user']: textOf(fields, 'who'),
      role: textOf(fields, 'role'),
      ...(target.value === 'domain' ? { domain: textOf(fields, 'domain') } : {}),
      ...(target.value === 'device' ? { device: textOf(fields, 'device') } : {}),
      ...(ports === null ? {} : { ports: ports === 'web' ? ['web'] : ports }),
      ...(until.value === '' ? {} : { until: readLocalTime(until.value) }),
    });
    done(t('saved'));
    onClose();
    onDone();
  };
  return (
    <Dialog title={t('grants.add')} onClose={onClose}>
      <Form submit={submit} action={t('grants.add')} cancel={onClose}>
        {(wrong) => (
          <>
            <Choice
              name="kind"
              label={t('grants.who')}
              options={[
                ['user', t('column.user')],
                ['group', t('column.group')],
              ]}
            />
            <Field name="who" label={t('column.name')} required maxLength={64} wrong={wrong} autofocus />
            <Choice
              name="role"
              label={t('column.role')}
              value="user"
              hint={t('grants.role.hint')}
              options={roles.map((role) => [role, t(`role.${role}`)])}
            />
            <Choice
              name="target"
              label={t('grants.what')}
              value={target.value}
              options={[
                ['domain', t('grants.ofDomain')],
                ['device', t('grants.ofDevice')],
                ['all', t('grants.everything')],
              ]}
              onChange={(value) => {
                target.value = value;
              }}
            />
            {target.value === 'domain' && <DomainField wrong={wrong} />}
            {target.value === 'device' && (
              <Field name="device" label={t('column.device')} required maxLength={63} wrong={wrong} />
            )}
            <Field name="ports" label={t('grants.ports')} hint={t('grants.ports.hint')} wrong={wrong} />
            <UntilField until={until} wrong={wrong} />
          </>
        )}
      </Form>
    </Dialog>
  );
}
