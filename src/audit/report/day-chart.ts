import type { AuditReport } from '../verify/report.ts'

/** Bars at most: more are too thin to be seen, so days are put together. */
const maxBars = 120
const width = 960
const height = 260
const left = 64
const bottom = 36
const top = 12
const dayMs = 86_400_000

/** Colours that differ in print, too; in the order in which they are stacked. */
export const kindColours: Readonly<Record<string, string>> = {
  event: '#2b6cb0',
  refusal: '#dd6b20',
  key: '#805ad5',
  catalogue: '#2f855a',
  operation: '#a0aec0',
}

interface Bar {
  /** first and last day, counted from 1970-01-01 */
  readonly from: number
  readonly to: number
  readonly counts: Map<string, number>
}

/** Entries by kind over time, as inline SVG without a script under a heading that says how many days a bar has. */
export function dayChart(days: AuditReport['days']): string {
  const counts = countsByDay(days)
  const sorted = [...counts.keys()].sort((a, b) => a - b)
  const first = sorted[0] ?? 0
  const last = sorted.at(-1) ?? first
  // a log may claim a day thousands of years away: bars get wider, never more
  const daysPerBar = Math.ceil((last - first + 1) / maxBars)
  const per = daysPerBar === 1 ? 'day' : `${daysPerBar} days`
  const heading = `Entries per ${per} by kind`
  if (sorted.length === 0) return `<h2>${heading}</h2>`
  const barCount = Math.ceil((last - first + 1) / daysPerBar)
  const bars = barsOf(counts, first, last, daysPerBar)
  const most = Math.max(1, ...[...bars.values()].map(totalOf))
  const step = (width - left) / barCount
  const scale = (height - top - bottom) / most
  const rects = [...bars].flatMap(([place, bar]) => stack(bar, left + place * step, Math.max(1, step * 0.85), scale))
  const baseline = height - bottom
  return `<h2>${heading}</h2>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${heading}">
<line x1="${left}" y1="${baseline}" x2="${width}" y2="${baseline}" stroke="#333"/>
<line x1="${left}" y1="${top}" x2="${width}" y2="${top}" stroke="#ccc" stroke-dasharray="4 4"/>
<text x="${left - 8}" y="${top + 5}" text-anchor="end">${most}</text>
<text x="${left - 8}" y="${top + 19}" text-anchor="end">per ${per}</text>
<text x="${left - 8}" y="${baseline}" text-anchor="end">0</text>
<text x="${left}" y="${height - 12}">${dateOf(first)}</text>
<text x="${width}" y="${height - 12}" text-anchor="end">${dateOf(last)}</text>
${rects.join('\n')}
</svg>`
}

function stack({ from, to, counts }: Bar, x: number, barWidth: number, scale: number): string[] {
  let y = height - bottom
  const name = from === to ? dateOf(from) : `${dateOf(from)} to ${dateOf(to)}`
  return Object.entries(kindColours).flatMap(([kind, colour]) => {
    const count = counts.get(kind) ?? 0
    if (count === 0) return []
    y -= count * scale
    const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${barWidth.toFixed(1)}" height="${(count * scale).toFixed(1)}"`
    return [`<rect ${place} fill="${colour}"><title>${name}: ${count} ${kind}</title></rect>`]
  })
}

/** Entries by kind of each day that has any; days are counted from 1970-01-01. */
function countsByDay(days: AuditReport['days']): ReadonlyMap<number, ReadonlyMap<string, number>> {
  const counts = new Map<number, Map<string, number>>()
  for (const [key, count] of Object.entries(days)) {
    const [date = '', kind = ''] = key.split(' ')
    const day = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(date) / dayMs : Number.NaN
    if (Number.isNaN(day)) continue
    const ofDay = counts.get(day) ?? new Map<string, number>()
    counts.set(day, ofDay.set(kind, (ofDay.get(kind) ?? 0) + count))
  }
  return counts
}

/** By their place on the axis; where nothing was logged there is no bar, but its place stays empty. */
function barsOf(
  counts: ReadonlyMap<number, ReadonlyMap<string, number>>,
  first: number,
  last: number,
  daysPerBar: number,
): ReadonlyMap<number, Bar> {
  const bars = new Map<number, Bar>()
  for (const [day, ofDay] of counts) {
    const place = Math.floor((day - first) / daysPerBar)
    const from = first + place * daysPerBar
    const bar = bars.get(place) ?? { from, to: Math.min(last, from + daysPerBar - 1), counts: new Map<string, number>() }
    for (const [kind, count] of ofDay) bar.counts.set(kind, (bar.counts.get(kind) ?? 0) + count)
    bars.set(place, bar)
  }
  return bars
}

const dateOf = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10)

function totalOf({ counts }: Bar): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}
