import { createHmac, randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { AlarmKind, Finding } from '../../src/alarm/alarm.ts'
import { Alarms } from '../../src/alarm/alarms.ts'
import type { Condition } from '../../src/alarm/look.ts'
import { Teller } from '../../src/alarm/teller.ts'
import { AlarmWatch } from '../../src/alarm/watch.ts'
import { readWebhookSecret, webhookHeaders } from '../../src/alarm/webhook.ts'
import { Leases } from '../../src/bus/leases.ts'
import { connect, type Database } from '../../src/database/connect.ts'
import { migrateLog } from '../../src/database/migrate.ts'
import type { Logger } from '../../src/logger.ts'
import { eventually } from '../support/eventually.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'

const secret = randomBytes(32)
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

interface Received {
  readonly id: string
  readonly type: string
  readonly about: string
}

let database: TestDatabase
let connected: Database
let alarms: Alarms
let server: Server
let url: string
let answers: (() => number | 'never')[] = []
const requests: Received[] = []
const taken: Received[] = []
let outcomes: string[] = []
let found: Partial<Record<AlarmKind, readonly Finding[]>> = {}

beforeAll(async () => {
  database = await testDatabase()
  await migrateLog(database.url)
  connected = connect(database.url, { name: 'lianban test alarms', maxConnections: 4 })
  alarms = new Alarms(connected.raw)
  server = createServer(async (request, response) => {
    const body = await text(request)
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = request.headers
    const expected = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
    expect(signature).toBe(`v1,${expected}`)
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60)
    const { type, data } = JSON.parse(body)
    const received = { id: String(id), type, about: data.about }
    requests.push(received)
    const status = answers.shift()?.() ?? 204
    if (status === 'never') return
    if (status === 204) taken.push(received)
    response.writeHead(status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  url = `http://127.0.0.1:${address.port}/alarms`
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await connected.close()
  await database.close()
})
beforeEach(async () => {
  await connected.raw`delete from operations.alarms`
  requests.length = 0
  taken.length = 0
  answers = []
  outcomes = []
  found = {}
})

const kinds = ['consumer-behind', 'parked-group'] as const
const all: readonly Condition[] = kinds.map((kind) => ({ kind, find: () => Promise.resolve(found[kind] ?? []) }))

/** One gateway's watch over what `found` says. */
function openWatch(conditions = all, logger: Logger = silent): () => Promise<void> {
  const leases = new Leases(connected.raw, silent)
  const teller = new Teller({
    alarms,
    webhook: { url, secret, origin: 'localhost/lianban' },
    logger: silent,
    onTold: (outcome) => outcomes.push(outcome),
    firstPauseMs: 50,
  })
  const watch = new AlarmWatch({ alarms, conditions, teller, leases, logger, everyMs: 50 })
  return async () => {
    await watch.close()
    await leases.close()
  }
}

const finding = (about: string): Finding => ({ about, details: { bureau: 'local-tax', events: 3 } })

it('the signature is that of the Standard Webhooks’ own example', () => {
  const example = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
  const at = new Date(1_614_265_330 * 1000)
  expect(webhookHeaders(example, 'msg_p5jXN8AQM9LWM0D4loKWxJek', at, '{"test": 2432232314}')).toMatchObject({
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

it('two gateways tell each alarm once when it is raised and once when it is cleared, and again when it comes back', async () => {
  const close = [openWatch(), openWatch()]
  found = { 'consumer-behind': [finding('local-tax'), finding('commerce')] }
  await eventually(async () => taken.length === 2)
  found = { 'consumer-behind': [finding('commerce')] }
  await eventually(async () => taken.length === 3)
  found = { 'consumer-behind': [finding('commerce'), finding('local-tax')] }
  await eventually(async () => taken.length === 4)
  await Promise.all(close.map((one) => one()))
  expect(taken.map(({ type, about }) => `${type} ${about}`)).toEqual([
    'alarm.raised local-tax',
    'alarm.raised commerce',
    'alarm.cleared local-tax',
    'alarm.raised local-tax',
  ])
  expect(new Set(taken.map(({ id }) => id)).size).toBe(4)
})

it('a receiver that fails is told again with the same id, with growing pauses', async () => {
  answers = [() => 500, () => 503, () => 302]
  found = { 'parked-group': [finding('local-tax no-office')] }
  const close = openWatch()
  // the sender knows a moment after the receiver has it
  await eventually(async () => outcomes.length === 4)
  await close()
  expect(taken).toHaveLength(1)
  expect(requests).toHaveLength(4)
  expect(new Set(requests.map(({ id }) => id)).size).toBe(1)
  expect(outcomes).toEqual(['failed', 'failed', 'failed', 'told'])
})

it('of more than five hundred that wait to be told the oldest are given up, and nobody hears of the end of what was never told', async () => {
  for (let i = 0; i < 520; i++) await alarms.raise('hole', finding(`${i}`))
  await alarms.clearOthers('hole', ['519'])
  await alarms.raise('foreign-messages', finding('local-tax'))
  await expectUntold(['519', 'local-tax'])
  for (let i = 0; i < 520; i++) await alarms.raise('hole', finding(`again ${i}`))
  expect(await alarms.dropOldest(500)).toBe(22)
  await expectUntold(Array.from({ length: 500 }, (_, i) => `again ${i + 20}`))
})

async function waiting(): Promise<number> {
  const rows = await connected.raw`
    select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  return rows.length
}

/** Due by the clock of the database's machine, which may be set back a little at any moment. */
const expectUntold = (abouts: readonly string[]) =>
  eventually(async () => expect((await alarms.untold(1000)).map(({ about }) => about)).toEqual(abouts))

it('a kind or a view that fails keeps its alarms, and keeps nobody from hearing of the others; it is said once', async () => {
  const views = ['commerce', 'local-tax', 'state-tax'].map((bureau) => [bureau, bureau] as const)
  let faulty: string | undefined
  let looks = 0
  const warned: unknown[] = []
  const conditions: readonly Condition[] = [
    {
      kind: 'witnesses-behind',
      async find() {
        looks += 1
        if (faulty !== undefined) throw new Error('the witnesses can’t be asked')
        return []
      },
    },
    {
      kind: 'parked-group',
      find: (look) =>
        look.eachView(views, async (bureau) => {
          if (bureau === faulty) throw new Error('the view is broken')
          return (found['parked-group'] ?? []).filter(({ about }) => about.startsWith(`${bureau} `))
        }),
    },
  ]
  found = { 'parked-group': [finding('commerce no-office'), finding('local-tax no-office')] }
  await alarms.raise('witnesses-behind', finding('quorum'))
  faulty = 'none of them'
  const close = openWatch(conditions, { ...silent, warn: (fields) => void warned.push(fields) })
  const told = () => taken.map(({ type, about }) => `${type} ${about}`)
  await eventually(async () => taken.length === 3)
  faulty = 'commerce'
  found = { 'parked-group': [finding('state-tax no-office')] }
  await eventually(async () => taken.length === 5)
  const before = looks
  await eventually(async () => looks > before + 3)
  expect(told().slice(3).toSorted()).toEqual(['alarm.cleared local-tax no-office', 'alarm.raised state-tax no-office'])
  const kept = await connected.raw`select kind, about from operations.alarms where state = 'raised' order by id`
  expect([...kept]).toEqual([
    { kind: 'witnesses-behind', about: 'quorum' },
    { kind: 'parked-group', about: 'commerce no-office' },
    { kind: 'parked-group', about: 'state-tax no-office' },
  ])
  expect(warned).toMatchObject([{ alarms: 'witnesses-behind' }, { bureau: 'commerce' }])
  faulty = undefined
  await eventually(async () => taken.length === 7)
  await close()
  expect(told().slice(5).toSorted()).toEqual(['alarm.cleared commerce no-office', 'alarm.cleared quorum'])
})

it('what happens again, or another process raises, while quiet alarms are cleared is not cleared with them', async () => {
  for (const about of ['quiet', 'again']) await alarms.raise('hole', finding(about))
  await connected.raw`update operations.alarms set seen_at = now() - interval '2 hours'`
  // clearing stands at the rows of this transaction, and goes on when it is over
  const holder = await connected.raw.reserve()
  try {
    await holder`begin`
    await holder`select 1 from operations.alarms where about = 'again' for update`
    const clearing = alarms.clearQuiet('hole', 3_600_000)
    await eventually(async () => (await waiting()) === 1)
    await holder`update operations.alarms set seen_at = now() where about = 'again'`
    await new Alarms(holder).raise('hole', finding('new'))
    await holder`commit`
    expect(await clearing).toEqual(['quiet'])
  } finally {
    holder.release()
  }
  await expectUntold(['again', 'new'])
})

it('a receiver that never answers holds up no stop', async () => {
  answers = [() => 'never']
  found = { 'parked-group': [finding('local-tax no-office')] }
  const close = openWatch()
  await eventually(async () => requests.length === 1)
  const stopped = close()
  await Promise.race([stopped, new Promise((_, reject) => setTimeout(reject, 5000, new Error('it did not stop')).unref())])
  expect(await alarms.untold(10)).toHaveLength(1)
})

it('a secret must be whsec_, long enough, and nobody else’s to read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lianban-webhook-'))
  const file = join(folder, 'secret')
  await writeFile(file, `whsec_${secret.toString('base64')}\n`, { mode: 0o600 })
  expect(await readWebhookSecret(file)).toEqual(secret)
  await chmod(file, 0o644)
  await expect(readWebhookSecret(file)).rejects.toThrow(/chmod 600/)
  await writeFile(file, 'whsec_c2hvcnQ=')
  await chmod(file, 0o600)
  await expect(readWebhookSecret(file)).rejects.toThrow(/24 to 64/)
  await rm(folder, { recursive: true })
})
