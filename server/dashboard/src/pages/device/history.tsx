import { useSignal } from '@preact/signals';
import type { Connection, TrafficDay } from '../../api/types.ts';
import { bytes, day, duration } from '../../state/format.ts';
import { covered, onlineSpans, roundAbove, trafficBars } from '../../state/plot.ts';
import type { Resource } from '../../state/resource.ts';
import { now } from '../../state/session.ts';
import { locale, t } from '../../texts/language.ts';
import { Fault, Loading } from '../../ui/blank.tsx';
import { When } from '../../ui/time.tsx';
import { End } from './connection-end.tsx';

const days = 30;
const shownConnections = 8;

/** When it was on line, and what it has sent, as plots; the last connections as a table. */
export function History({
  connections,
  traffic,
}: {
  readonly connections: Resource<readonly Connection[]>;
  readonly traffic: Resource<readonly TrafficDay[]>;
}) {
  const all = useSignal(false);
  const fault = connections.fault ?? traffic.fault;
  if (fault !== null)
    return (
      <section class="card">
        <Fault fault={fault} retry={connections.reload} />
      </section>
    );
  if (!connections.value || !traffic.value)
    return (
      <section class="card">
        <Loading />
      </section>
    );
  const shown = all.value ? connections.value : connections.value.slice(0, shownConnections);
  return (
    <section class="card">
      <header>
        <h2>{t('history')}</h2>
      </header>
      <OnlinePlot connections={connections.value} />
      <TrafficPlot traffic={traffic.value} />
      {connections.value.length === 0 ? (
        <p class="muted">{t('history.none')}</p>
      ) : (
        <table class="cards">
          <thead>
            <tr>
              <th>{t('history.began')}</th>
              <th>{t('history.lasted')}</th>
              <th>{t('column.address')}</th>
              <th class="number-cell">{t('history.payload')}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={one.began}>
                <td data-label={t('history.began')}>
                  <When time={one.began} />
                </td>
                <td data-label={t('history.lasted')}>
                  <span>
                    <Lasted connection={one} />
                  </span>
                </td>
                <td class="mono" data-label={t('column.address')}>
                  {one.address}
                </td>
                <td class="number-cell" data-label={t('history.payload')}>
                  {bytes(locale(), one.bytesFrom + one.bytesTo)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {connections.value.length > shownConnections && (
        <button
          type="button"
          class="button small more"
          aria-expanded={all.value}
          onClick={() => {
            all.value = !all.value;
          }}
        >
          {all.value ? t('history.fewer') : t('history.all', { n: connections.value.length })}
        </button>
      )}
    </section>
  );
}

/** How long it lasted, and why it ended. */
function Lasted({ connection: { began, ended, live, end } }: { readonly connection: Connection }) {
  if (live) return <span class="state on">{t('history.live')}</span>;
  return (
    <>
      {ended !== null && duration(locale(), Date.parse(ended) - Date.parse(began))}
      <div class="muted">
        <End end={end} />
      </div>
    </>
  );
}

const width = 600;

function OnlinePlot({ connections }: { readonly connections: readonly Connection[] }) {
  const spans = onlineSpans(connections, now.value, days * 86_400_000);
  const share = new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 1 }).format(
    covered(spans),
  );
  const label = t('history.share', { share, days });
  return (
    <figure style={{ margin: '0 0 14px' }}>
      <figcaption class="muted">{label}</figcaption>
      <svg
        class="plot"
        viewBox={`0 0 ${width} 16`}
        preserveAspectRatio="none"
        height="16"
        role="img"
        aria-label={label}
      >
        <rect class="ground" width={width} height="16" rx="2" />
        {spans.map(({ start, end }) => (
          <rect
            key={start}
            class="online"
            x={start * width}
            width={Math.max(1, (end - start) * width)}
            height="16"
          />
        ))}
      </svg>
    </figure>
  );
}

function TrafficPlot({ traffic }: { readonly traffic: readonly TrafficDay[] }) {
  const height = 110;
  const bars = trafficBars(traffic, now.value, days);
  const top = roundAbove(Math.max(...bars.map(({ from, to }) => from + to)));
  const step = width / days;
  const tall = (n: number) => (n / top) * height;
  const sum = bars.reduce((total, { from, to }) => total + from + to, 0);
  const label = t('history.traffic', { sum: bytes(locale(), sum), days });
  if (sum === 0) return <p class="muted">{t('history.noTraffic', { days })}</p>;
  return (
    <figure style={{ margin: '0 0 14px' }}>
      <figcaption class="muted">{label}</figcaption>
      <svg class="plot" viewBox={`0 -14 ${width} ${height + 32}`} role="img" aria-label={label}>
        <line class="axis" x2={width} y1="0" y2="0" stroke-dasharray="2 4" />
        <line class="axis" x2={width} y1={height} y2={height} />
        <text y="-4">{bytes(locale(), top)}</text>
        {bars.map(({ day: of, from, to }, i) => (
          <g key={of}>
            <title>{`${day(locale(), of)}: ↓ ${bytes(locale(), from)}, ↑ ${bytes(locale(), to)}`}</title>
            <rect x={i * step} width={step} height={height} fill="transparent" />
            <rect
              class="from"
              x={i * step + 2}
              width={step - 4}
              y={height - tall(from)}
              height={tall(from)}
            />
            <rect
              class="to"
              x={i * step + 2}
              width={step - 4}
              y={height - tall(from) - tall(to)}
              height={tall(to)}
            />
          </g>
        ))}
        <text y={height + 15}>{bars[0] ? day(locale(), bars[0].day) : ''}</text>
        <text x={width} y={height + 15} text-anchor="end">
          {t('history.today')}
        </text>
      </svg>
      <div class="legend">
        <span>
          <i class="from" />
          {t('history.from')}
        </span>
        <span>
          <i class="to" />
          {t('history.to')}
        </span>
      </div>
    </figure>
  );
}
