import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { longestOrderlyStopMs } from '../../src/commands/run-exchange.ts'
import { readConfig } from '../../src/config.ts'
import { blocksOf, readDocument, root } from '../docs/documents.ts'

/** The files of TLS are on the machines that docs/deploy.md sets up. */
const elsewhere = () => []

interface Unit {
  readonly name: string
  /** in order; a name may come more than once */
  readonly settings: readonly (readonly [string, string])[]
}

describe('the units of systemd', () => {
  let units: readonly Unit[]
  let deploy: string

  beforeAll(async () => {
    const names = await readdir(join(root, 'infra/systemd'))
    units = await Promise.all(
      names.map(async (name) => ({ name, settings: settingsOf(await readDocument(`infra/systemd/${name}`)) })),
    )
    deploy = await readDocument('docs/deploy.md')
  })

  const valuesOf = ({ settings }: Unit, name: string) => settings.filter(([one]) => one === name).map(([, value]) => value)

  it('start every role, by commands of files that there are', () => {
    const started = units.map((unit) => [unit.name, ...valuesOf(unit, 'ExecStart')])
    expect(new Map(started.map(([name, command]) => [name, command]))).toEqual(
      new Map([
        ['lianban-consumer@.service', '/usr/bin/node /opt/lianban/current/dist/main.js consume --bureau %i'],
        ['lianban-gateway@.service', '/usr/bin/node /opt/lianban/current/dist/main.js gateway'],
        ['lianban-kafka.service', '/opt/lianban/current/infra/kafka/start.sh'],
        ['lianban-publisher.service', '/usr/bin/node --max-semi-space-size=4 /opt/lianban/current/dist/main.js publish'],
      ]),
    )
    expect(existsSync(join(root, 'infra/kafka/start.sh'))).toBe(true)
  })

  it('give them settings with which they start, beside those of lianban.env', () => {
    const [ini = ''] = blocksOf(deploy, 'ini')
    const shared = Object.fromEntries(
      ini
        .trim()
        .split('\n')
        .map((line) => pairOf(line)),
    )
    const gateways: string[] = []
    for (const unit of units.filter(({ name }) => name !== 'lianban-kafka.service')) {
      expect(valuesOf(unit, 'EnvironmentFile')[0]).toBe('/etc/lianban/lianban.env')
      const words = valuesOf(unit, 'Environment').flatMap((line) => line.split(' '))
      const own = Object.fromEntries(words.map((word) => pairOf(word.replaceAll('%i', '1').replaceAll('%S', '/var/lib'))))
      const config = readConfig({ ...shared, ...own }, elsewhere)
      expect(config.production, unit.name).toBe(true)
      expect(config.databaseUrl, unit.name).toContain('sslmode=verify-full&sslrootcert=/etc/lianban/ca.pem')
      expect(config.kafka?.ssl?.caFile, unit.name).toBe('/etc/lianban/ca.pem')
      // what it may write to, and nothing else
      expect(config.dataDir).toBe(`/var/lib/${valuesOf(unit, 'StateDirectory')[0]?.replace('%i', '1')}`)
      expect(valuesOf(unit, 'ProtectSystem')).toEqual(['strict'])
      if (own.PORT !== undefined) gateways.push(unit.name)
    }
    expect(gateways).toEqual(['lianban-gateway@.service'])
  })

  it('kill none that still stops in order', () => {
    for (const unit of units.filter(({ name }) => name !== 'lianban-kafka.service'))
      expect(Number(valuesOf(unit, 'TimeoutStopSec')[0]), unit.name).toBeGreaterThan(longestOrderlyStopMs / 1000)
  })

  it('are those that docs/deploy.md installs and starts', () => {
    const told = new Set(deploy.match(/\blianban-(?:gateway@|consumer@|publisher|kafka)/g))
    expect(told).toEqual(new Set(units.map(({ name }) => name.replace('.service', ''))))
  })
})

function settingsOf(unit: string): readonly (readonly [string, string])[] {
  const lines = unit.split('\n').filter((line) => /^\w+=/.test(line))
  return lines.map(pairOf)
}

function pairOf(line: string): readonly [string, string] {
  const [name = '', ...value] = line.split('=')
  return [name, value.join('=').replace(/^'(.*)'$/, '$1')]
}
