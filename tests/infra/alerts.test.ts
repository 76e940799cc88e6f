import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { alarmKinds } from '../../src/alarm/alarm.ts'
import { createMetrics } from '../../src/metrics.ts'
import { readDocument, root } from '../docs/documents.ts'
import { describeWithGo, goProgram } from '../support/go-tools.ts'

interface Alert {
  readonly name: string
  readonly fields: Readonly<Record<string, string>>
}

const rulesFile = 'infra/prometheus/alerts.yml'
let alerts: readonly Alert[]
let queries: readonly string[]
/** with what a histogram makes of its name */
let metrics: ReadonlySet<string>

beforeAll(async () => {
  alerts = alertsIn(await readDocument(rulesFile))
  queries = queriesIn(JSON.parse(await readDocument('infra/grafana/lianban.json')))
  const ours = await createMetrics().registry.getMetricsAsJSON()
  metrics = new Set(
    ours.flatMap(({ name, type }) =>
      String(type) === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  )
})

describe('the alert rules', () => {
  it('have each a name of their own, a query, a time, a severity, a sentence and more, and a runbook', () => {
    expect(alerts.length).toBeGreaterThan(15)
    expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length)
    for (const { name, fields } of alerts) {
      expect(Object.keys(fields), name).toEqual(['expr', 'for', 'severity', 'summary', 'description', 'runbook_url'])
      expect(fields.for, name).toMatch(/^\d+m$/)
      expect(fields.severity, name).toMatch(/^(warning|critical)$/)
    }
  })

  it('lead to runbooks that are there, and every kind of alarm has one', async () => {
    const operator = await readDocument('docs/operator.md')
    const anchors = new Set(
      [...operator.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => `docs/operator.md#${slugOf(heading)}`),
    )
    for (const { name, fields } of alerts) expect(anchors, name).toContain(fields.runbook_url)
    for (const kind of alarmKinds) expect(anchors).toContain(`docs/operator.md#alarm-${kind}`)
  })

  it('and the dashboard ask for metrics that there are', () => {
    expect(queries.length).toBeGreaterThan(20)
    for (const query of [...alerts.map(({ fields }) => fields.expr ?? ''), ...queries]) {
      const names = query.match(/\b(?:lianban_\w+|up)\b/g) ?? []
      expect(names.length, query).toBeGreaterThan(0)
      for (const name of names) expect(name === 'up' || metrics.has(name), name).toBe(true)
    }
  })
})

describeWithGo('Prometheus itself', () => {
  it('takes every rule and every query of the dashboard', { timeout: 500_000 }, async () => {
    const program = await goProgram('promcheck')
    const { stdout } = await promisify(execFile)(program, [join(root, rulesFile), ...queries])
    const read: { alerts: string[]; metrics: string[] } = JSON.parse(stdout)
    expect(read.alerts).toEqual(alerts.map(({ name }) => name))
    expect(read.metrics.filter((name) => name !== 'up' && !metrics.has(name))).toEqual([])
  })
})

const line =
  /^(?:groups:|#.*| {2}- name: '[^']+'| {4}rules:| {6}- alert: (?<alert>\w+)| {8}(?:labels|annotations):| {8}(?<top>expr|for): (?<topText>.+)| {10}(?<below>\w+): (?<belowText>.+))$/

/** Reads the one way in which the file is written; a line of any other kind is a fault. */
function alertsIn(yaml: string): readonly Alert[] {
  const read: { name: string; fields: Record<string, string> }[] = []
  for (const text of yaml.trimEnd().split('\n')) {
    const groups = line.exec(text)?.groups
    if (groups === undefined) throw new Error(`${rulesFile}: ${text}`)
    const { alert, top, topText, below, belowText } = groups
    if (alert !== undefined) read.push({ name: alert, fields: {} })
    const name = top ?? below
    const last = read.at(-1)
    if (name !== undefined && last !== undefined) last.fields[name] = unquoted(topText ?? belowText ?? '')
  }
  return read
}

function unquoted(text: string): string {
  if (/^'(?:[^']|'')*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'")
  if (/^\w+$/.test(text)) return text
  throw new Error(`${rulesFile}: ${text} needs single quotes`)
}

function queriesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(queriesIn)
  if (typeof value !== 'object' || value === null) return []
  const below = Object.values(value).flatMap(queriesIn)
  return 'expr' in value && typeof value.expr === 'string' ? [value.expr, ...below] : below
}

/** As GitHub makes it. */
const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
