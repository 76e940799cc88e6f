import { describe, expect, it } from 'vitest'
import { dayChart } from '../../src/audit/report/day-chart.ts'

const dateOf = (n: number) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10)
const daysOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`${dateOf(n)} event`, 100]))

function barsIn(svg: string) {
  return [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"[^>]*><title>([^<]*)/g)].map(
    ([, x, width, height, title]) => ({ x: Number(x), width: Number(width), height: Number(height), title }),
  )
}

describe('the chart of entries over time', () => {
  it('has a bar for each day as long as these can be seen', () => {
    const chart = dayChart(daysOf(120))
    expect(barsIn(chart)).toHaveLength(120)
    expect(chart).toContain('<h2>Entries per day by kind</h2>')
    expect(chart).toContain('>per day</text>')
    expect(chart).toContain('>100</text>')
  })

  it('says of how many days a bar is where days are put together', () => {
    const chart = dayChart(daysOf(121))
    const bars = barsIn(chart)
    expect(bars).toHaveLength(61)
    expect(chart).toContain('<h2>Entries per 2 days by kind</h2>')
    expect(chart).toContain('aria-label="Entries per 2 days by kind"')
    expect(chart).toContain('>per 2 days</text>')
    expect(chart).not.toContain('per day')
    expect(bars[0]?.title).toBe('2026-01-01 to 2026-01-02: 200 event')
    expect(bars.at(-1)?.title).toBe('2026-05-01: 100 event')
  })

  it('leaves days without entries their place', () => {
    const [one, another] = barsIn(dayChart({ '2026-01-01 event': 5, '2026-01-11 event': 5 }))
    const dayWidth = (960 - 64) / 11
    expect((another?.x ?? 0) - (one?.x ?? 0)).toBeCloseTo(10 * dayWidth, 0)
    const year = barsIn(dayChart({ '2026-01-01 event': 5, '2026-12-31 event': 5 }))
    expect(year[0]?.x).toBe(64)
    expect(year[1]?.x).toBeGreaterThan(940)
  })

  it('stays small whatever days a log claims, and takes nothing for a day that is none', () => {
    const chart = dayChart({ '0001-01-01 event': 1, '9999-12-31 event': 1, '2026-13-41 event': 1, 'NaN event': 1 })
    expect(barsIn(chart)).toHaveLength(2)
    expect(chart.length).toBeLessThan(2000)
    expect(dayChart({})).toBe('<h2>Entries per day by kind</h2>')
  })
})
