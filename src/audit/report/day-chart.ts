import type { AuditReport } from '../verify/report.ts'

/** Bars at most: more are too thin to be seen, so days are put together. */
const maxBars = 120
const width = 960
const height = 260
const left = 64
const bottom = 36
const top = 12

/** Colours that differ in print, too; in the order in which they are stacked. */
export const kindColours: Readonly<Record<string, string>> = {
  event: '#2b6cb0',
  refusal: '#dd6b20',
  key: '#805ad5',
  catalogue: '#2f855a',
  operation: '#a0aec0',
}

interface Bar {
  /** first and last day */
  readonly from: string
  readonly to: string
  readonly counts: Map<string, number>
}

/** Entries per day by kind, as inline SVG without a script. */
export function dayChart(days: AuditReport['days']): string {
  const bars = barsOf(days)
  if (bars.length === 0) return ''
  const most = Math.max(1, ...bars.map(totalOf))
  const step = (width - left) / bars.length
  const scale = (height - top - bottom) / most
  const rects = bars.flatMap((bar, i) => stack(bar, left + i * step, Math.max(1, step * 0.85), scale))
  const first = bars[0]?.from ?? ''
  const last = bars.at(-1)?.to ?? ''
  const baseline = height - bottom
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Entries per day by kind">
<line x1="${left}" y1="${baseline}" x2="${width}" y2="${baseline}" stroke="#333"/>
<line x1="${left}" y1="${top}" x2="${width}" y2="${top}" stroke="#ccc" stroke-dasharray="4 4"/>
<text x="${left - 8}" y="${top + 5}" text-anchor="end">${most}</text>
<text x="${left - 8}" y="${baseline}" text-anchor="end">0</text>
<text x="${left}" y="${height - 12}">${first}</text>
<text x="${width}" y="${height - 12}" text-anchor="end">${last}</text>
${rects.join('\n')}
</svg>`
}

function stack({ from, to, counts }: Bar, x: number, barWidth: number, scale: number): string[] {
  let y = height - bottom
  const name = from === to ? from : `${from} to ${to}`
  return Object.entries(kindColours).flatMap(([kind, colour]) => {
    const count = counts.get(kind) ?? 0
    if (count === 0) return []
    y -= count * scale
    const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${barWidth.toFixed(1)}" height="${(count * scale).toFixed(1)}"`
    return [`<rect ${place} fill="${colour}"><title>${name}: ${count} ${kind}</title></rect>`]
  })
}

function barsOf(days: AuditReport['days']): Bar[] {
  const counts = new Map<string, Map<string, number>>()
  for (const [day, count] of Object.entries(days)) {
    const [date = '', kind = ''] = day.split(' ')
    if (!/^\d{4}-\d\d-\d\d$/.test(date)) continue
    const ofDate = counts.get(date) ?? new Map<string, number>()
    counts.set(date, ofDate.set(kind, (ofDate.get(kind) ?? 0) + count))
  }
  const dates = [...counts.keys()].sort()
  const together = Math.ceil(dates.length / maxBars)
  const bars: Bar[] = []
  for (let at = 0; at < dates.length; at += together) {
    const some = dates.slice(at, at + together)
    const sum = new Map<string, number>()
    for (const date of some) for (const [kind, count] of counts.get(date) ?? []) sum.set(kind, (sum.get(kind) ?? 0) + count)
    bars.push({ from: some[0] ?? '', to: some.at(-1) ?? '', counts: sum })
  }
  return bars
}

function totalOf({ counts }: Bar): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}
