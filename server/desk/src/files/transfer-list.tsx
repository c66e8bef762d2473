import { t } from '../texts/language.ts';
import { bytes, timeLeft } from './format.ts';
import { isOver, type Progress, type Transfer, type Transfers } from './transfers.ts';

/** What is uploaded and downloaded, was, and will be. */
export function TransferList({ transfers }: { readonly transfers: Transfers }) {
  const all = transfers.all.value;
  if (all.length === 0) return null;
  return (
    <div class="transfers">
      <ul aria-label={t('files.transfers')}>
        {all.map((transfer) => (
          <TransferItem key={transfer.id} transfer={transfer} />
        ))}
      </ul>
      {all.some(isOver) && (
        <button type="button" class="button" onClick={() => transfers.clear()}>
          {t('files.clear')}
        </button>
      )}
    </div>
  );
}

function TransferItem({ transfer }: { readonly transfer: Transfer }) {
  const { name, direction, progress } = transfer;
  const now = progress.value;
  return (
    <li data-progress={now.at}>
      <span class="name">
        <span aria-hidden="true">{direction === 'up' ? '↑' : '↓'}</span> <bdi>{name}</bdi>
      </span>
      {now.at === 'running' && (
        <progress
          aria-label={t(direction === 'up' ? 'files.uploading' : 'files.downloading', { name })}
          {...(now.total === null ? {} : { value: now.bytes, max: Math.max(1, now.total) })}
        />
      )}
      <span class={now.at === 'over' ? 'bad' : 'muted'} role={now.at === 'running' ? undefined : 'status'}>
        {now.at !== 'running' && <span class="hidden">{`${name}: `}</span>}
        <span>{say(now)}</span>
      </span>
      {now.at === 'asking' && (
        <span class="actions">
          <button type="button" class="button" onClick={() => now.answer(true)}>
            {t('files.replace', { name })}
          </button>
          <button type="button" class="button" onClick={() => now.answer(false)}>
            {t('files.keep', { name })}
          </button>
        </span>
      )}
      {!isOver(transfer) && now.at !== 'stopping' && (
        <button type="button" class="button" onClick={() => transfer.cancel()}>
          {t('files.cancel', { name })}
        </button>
      )}
    </li>
  );
}

function say(now: Progress): string {
  switch (now.at) {
    case 'waiting':
      return t('files.waiting');
    case 'asking':
      return t('files.isThere');
    case 'stopping':
      return t('files.stopping');
    case 'done':
      return t(now.isHandedOver ? 'files.handedOver' : 'files.done', { size: bytes(now.bytes) });
    case 'kept':
      return t('files.kept');
    case 'over':
      return now.why;
    default:
      return sayRunning(now);
  }
}

function sayRunning({ bytes: moved, total, rate }: Extract<Progress, { readonly at: 'running' }>): string {
  const size = total === null ? bytes(moved) : t('files.of', { part: bytes(moved), whole: bytes(total) });
  if (rate === null || rate <= 0) return size;
  const fast = `${size}, ${t('files.rate', { rate: bytes(rate) })}`;
  return total === null ? fast : `${fast}, ${t('files.left', { time: timeLeft((total - moved) / rate) })}`;
}
