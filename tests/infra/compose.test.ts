import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import { longestOrderlyStopMs } from '../../src/commands/run-exchange.ts'
import { readConfig } from '../../src/config.ts'
import { codeRowsOf, readDocument, root } from '../docs/documents.ts'
import { built } from '../support/built.ts'
import { describeWithGo } from '../support/go-tools.ts'
import { needed, type Service, services } from './compose-file.ts'

/** The files of TLS are on the machines that docs/deploy.md sets up. */
const elsewhere = () => []

describeWithGo('the compose file', () => {
  let all: Readonly<Record<string, Service>>
  let ours: readonly (readonly [string, Service])[]

  beforeAll(async () => {
    all = await services()
    ours = Object.entries(all).filter(([, { image }]) => image.startsWith('lianban:'))
  }, 500_000)

  it('has every role, a consumer for each bureau, and what they need', async () => {
    const catalogue: { parties: { id: string; role: string }[] } = JSON.parse(await readDocument('schemas/catalogue.json'))
    const bureaus = catalogue.parties.filter(({ role }) => role === 'bureau').map(({ id }) => `consume --bureau ${id}`)
    const commands = ours.map(([, { command }]) => (command ?? []).join(' '))
    expect(commands.sort()).toEqual(['gateway', 'gateway', 'publish', ...bureaus].sort())
    expect(Object.keys(all)).toEqual(expect.arrayContaining(['postgres', 'kafka', 'proxy']))
    const [data, exchange] = await Promise.all(
      ['data', 'exchange'].map((profile) => services({ ...needed, COMPOSE_PROFILES: profile })),
    )
    expect(Object.keys(data ?? {})).toEqual(['kafka', 'postgres'])
    expect(Object.keys(exchange ?? {}).length).toBe(Object.keys(all).length - 2)
  })

  it('starts processes by commands that there are', async () => {
    const main = join(await built(), 'main.js')
    // one of each role, since they differ by the bureau alone
    const commands = new Map(ours.map(([, { command }]) => [command?.[0], command ?? []]))
    expect([...commands.keys()].sort()).toEqual(['consume', 'gateway', 'publish'])
    for (const command of commands.values()) {
      // gets as far as its settings, of which it has none
      const ran = promisify(execFile)(process.execPath, [main, ...command], { env: { NODE_ENV: 'production' } })
      await expect(ran).rejects.toThrow('DATABASE_URL must be set')
    }
  }, 60_000)

  it('gives them settings that there are, and with which they start: TLS to everything', async () => {
    const [, afterSettings = ''] = (await readDocument('README.md')).split('## Settings')
    const [table = ''] = afterSettings.split('\n## ')
    const settings = codeRowsOf(table).flatMap(([cell = '']) => cell.match(/[A-Z]{3,}(?:_[A-Z]+)*/g) ?? [])
    for (const [name, { environment = {} }] of ours) {
      for (const setting of Object.keys(environment)) expect(settings, name).toContain(setting)
      const config = readConfig({ NODE_ENV: 'production', ...environment }, elsewhere)
      expect(config.databaseUrl, name).toContain('?sslmode=verify-full&sslrootcert=')
      expect(config.kafka?.ssl?.caFile, name).toBe('/etc/lianban/ca.pem')
      expect(config.kafka?.sasl, name).toMatchObject({ mechanism: 'plain', username: 'lianban', password: 'bbb' })
      const isGateway = environment.METRICS_PORT === undefined
      expect('LOG_KEY_FILE' in environment, `${name}: only gateways have the log’s key`).toBe(isGateway)
    }
  })

  it('kills none that still stops in order', () => {
    for (const [name, { stop_grace_period: waits = '10s' }] of ours)
      expect(Number(/^(\d+)s$/.exec(waits)?.[1]), `${name}: ${waits}`).toBeGreaterThan(longestOrderlyStopMs / 1000)
  })

  it('takes alarms and witnesses where they are set', async () => {
    const set = await services({ ...needed, ALARM_WEBHOOK_URL: 'https://alarms.example', LOG_LEVEL: 'warn' })
    const config = readConfig(set['gateway-1']?.environment ?? {}, elsewhere)
    expect(config.webhook).toEqual({ url: 'https://alarms.example', secretFile: '/etc/lianban/gateway/webhook.secret' })
    expect(config.logLevel).toBe('warn')
  })

  it('takes a catalogue of one’s own in every process, from where it is mounted', async () => {
    const CATALOGUE = '/etc/lianban/catalogue/catalogue.json'
    expect(await readDocument('infra/env.example')).toContain(`#CATALOGUE=${CATALOGUE}\n`)
    for (const [name, { environment = {}, volumes = [], image }] of Object.entries(await services({ ...needed, CATALOGUE }))) {
      if (!image.startsWith('lianban:')) continue
      expect(readConfig(environment, elsewhere).cataloguePath, name).toBe(CATALOGUE)
      expect(volumes, name).toContainEqual(expect.objectContaining({ source: dirname(CATALOGUE), target: dirname(CATALOGUE) }))
    }
    for (const [name, { environment = {} }] of ours)
      expect(readConfig(environment, elsewhere).cataloguePath, name).toBe(join(root, 'schemas/catalogue.json'))
  })

  it('runs commands beside the gateways: with all that gateway-1 has but its address and its port', async () => {
    const { command, ...others } = await services({ ...needed, COMPOSE_PROFILES: 'command' })
    expect(Object.keys(others)).toEqual([])
    const gateway = all['gateway-1']
    expect(command?.environment).toEqual(gateway?.environment)
    expect(command?.volumes).toEqual(gateway?.volumes)
    expect([command?.ports, command?.networks, command?.restart]).toEqual([undefined, { inside: null }, 'no'])
    const deploy = await readDocument('docs/deploy.md')
    expect([...deploy.matchAll(/docker compose run [^`\n]*?([\w-]+) (?:"\$@"|view )/g)].map(([, service]) => service)).toEqual([
      'command',
      'command',
    ])
    expect(deploy.match(/docker compose run/g)).toHaveLength(2)
  })

  it('mounts files that there are, or that docs/deploy.md has made', async () => {
    const made = codeRowsOf(await readDocument('docs/deploy.md')).flatMap(([cell = '']) => cell.match(/[a-z]+[\w.-]*/g) ?? [])
    for (const [name, { volumes = [] }] of Object.entries(all)) {
      for (const { type, source } of volumes.filter((one) => one.type === 'bind')) {
        const [, ours] = /^\/etc\/lianban\/(.+)$/.exec(source) ?? []
        if (ours === undefined) expect(existsSync(source), `${name}: ${type} ${source}`).toBe(true)
        else expect(made, name).toContain(ours)
      }
    }
  })

  it('bounds each service, starts it again, and says when it is healthy', () => {
    for (const [name, service] of Object.entries(all)) {
      expect(service.image, name).toMatch(/^[a-z/]+:\d+\.\d+(\.\d+)?(-\w+)?$/)
      expect(service.restart, name).toBe('unless-stopped')
      expect(service.logging?.options, name).toMatchObject({ 'max-size': '10m', 'max-file': '10' })
      expect(service.deploy?.resources?.limits, name).toHaveProperty('memory')
      for (const one of Object.values(service.depends_on ?? {})) expect(one.condition, name).toBe('service_healthy')
      // ours have the image's
      if (!service.image.startsWith('lianban:')) expect(service.healthcheck?.test.length, name).toBeGreaterThan(1)
    }
  })

  it('publishes nothing to everybody but the proxy, which finds the gateways where they are', () => {
    const open = Object.entries(all).flatMap(([name, { ports = [] }]) => ports.filter((one) => !one.host_ip).map(() => name))
    expect(open).toEqual(['proxy'])
    for (const name of ['gateway-1', 'gateway-2'])
      expect(all.proxy?.extra_hosts).toContain(`${name}=${all[name]?.networks?.inside?.ipv4_address}`)
  })

  it('says which setting is missing: env.example has each, and no password', async () => {
    for (const name of Object.keys(needed).filter((one) => one !== 'COMPOSE_PROFILES')) {
      const { [name]: _, ...others } = needed
      await expect(services(others), name).rejects.toThrow(`required variable ${name} is missing a value: is missing in .env`)
    }
    const example = await readDocument('infra/env.example')
    const told = [...example.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value] as const)
    const asked = [...(await readDocument('infra/compose.yaml')).matchAll(/\$\{([A-Z_]+)/g)].map(([, name = '']) => name)
    expect(told.map(([name]) => name).sort()).toEqual([...new Set([...asked, 'COMPOSE_PROFILES'])].sort())
    for (const [name, value] of told) if (name.endsWith('PASSWORD')) expect(value, name).toBe('')
  })
})
