import { randomUUID } from 'node:crypto'
import type { Hono } from 'hono'
import { createApp } from '../../src/arrival/app.ts'
import { FairTurns } from '../../src/arrival/fair-turns.ts'
import type { Parts } from '../../src/arrival/parts.ts'
import { createEmbeddedBus } from '../../src/bus/embedded.ts'
import { compileRules } from '../../src/catalogue/compile.ts'
import { readCatalogueFiles } from '../../src/catalogue/load.ts'
import type { Rules } from '../../src/catalogue/rules.ts'
import { openLedger, replayWorkers } from '../../src/compose/open-operations.ts'
import { rebuildWorkers } from '../../src/compose/open-rebuilds.ts'
import { openView } from '../../src/compose/open-view.ts'
import { connect, type Database } from '../../src/database/connect.ts'
import { migrateLog } from '../../src/database/migrate.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { registerKey } from '../../src/identity/key-request.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { signAccessToken, signEvent } from '../../src/identity/sign.ts'
import { verifyHere } from '../../src/identity/verify-signature.ts'
import { beginLog } from '../../src/log/begin.ts'
import { LogCommit, rulesChannel } from '../../src/log/commit.ts'
import { GroupCommit } from '../../src/log/group-commit.ts'
import { keyToAppend } from '../../src/log/key-append.ts'
import { type LogKey, newLogKey } from '../../src/log/log-key.ts'
import { createLogReader } from '../../src/log/read.ts'
import { RulesKeeper } from '../../src/log/rules-in-force.ts'
import { readSignedHead, SeenTree } from '../../src/log/seen-tree.ts'
import type { Logger } from '../../src/logger.ts'
import { createMetrics } from '../../src/metrics.ts'
import { readBusStatus } from '../../src/operations/bus-status.ts'
import { createOperationQueries } from '../../src/operations/queries.ts'
import type { OpenedView } from '../../src/view/views.ts'
import { shippedCatalogue } from './catalogue-folder.ts'
import { cloudEventOf, type Example, examples } from './examples.ts'
import { OpenapiAnswers } from './openapi-answers.ts'
import { migratedDatabase } from './postgres.ts'

export const origin = 'localhost/lianban'

export interface GatewayOptions {
  /** a database of its own by default, dropped by stop() */
  readonly url?: string
  readonly cataloguePath?: string
  /** whether the embedded bus brings events to every bureau's view. Default true */
  readonly consume?: boolean
  /** the clock of checks and tokens, in place of the machine's */
  readonly now?: () => Date
  readonly logger?: Logger
  /** another gateway on the same database: log key and parties' keys are its own */
  readonly beside?: Gateway
  /** in place of what a gateway allows for one answer */
  readonly longestAnswerMs?: number
  /** replaces single parts, for a test that holds one of them */
  readonly parts?: Partial<Parts>
}

export interface Gateway {
  readonly url: string
  readonly app: Hono
  readonly parts: Parts
  readonly turns: FairTurns
  readonly group: GroupCommit
  readonly database: Database
  readonly logKey: LogKey
  /** of every party of the catalogue, ES256 */
  readonly keys: ReadonlyMap<string, SigningKey>
  key(party: string): SigningKey
  /** a good `Authorization` of the party */
  authorization(party: string): Promise<{ authorization: string }>
  /** signs an event and posts it as compact JWS */
  post(event: JsonObject, party: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  /** any request; the answer is held against the OpenAPI document */
  request(path: string, init?: RequestInit): Promise<Response>
  /** posts a body as it is */
  send(body: string | Uint8Array<ArrayBuffer>, headers?: Readonly<Record<string, string>>): Promise<Response>
  /** a GET, with the party's token where one is named */
  get(path: string, party?: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  /** finishes what was taken and closes everything */
  stop(): Promise<void>
}

/** A gateway with a real log and real views on a real Postgres, without sockets: composed as compose.ts does it. */
export async function openGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const { beside, now = () => new Date(), logger = silent, consume = true } = options
  const own = options.url === undefined && beside === undefined ? await migratedDatabase() : undefined
  const url = options.url ?? beside?.url ?? own?.url ?? ''
  await migrateLog(url)
  const database = connect(url, { name: 'lianban test', maxConnections: 6 })
  const logKey = beside?.logKey ?? newLogKey(origin)
  await beginLog(database.raw, logKey, compileRules(await readCatalogueFiles(options.cataloguePath ?? shippedCatalogue)))
  const keeper = await RulesKeeper.load(database.raw)
  const commit = new LogCommit(database.raw, keeper, logKey, new SeenTree(await readSignedHead(database.raw)), () => undefined)
  const group = new GroupCommit((batch) => commit.commit(batch))
  const keys = beside?.keys ?? (await registerAll(keeper, group))
  const refresh = () => void keeper.refresh(database.raw).catch(() => undefined)
  const { unlisten } = await database.raw.listen(rulesChannel, refresh, refresh)

  const metrics = createMetrics()
  const views = new Map<string, OpenedView>()
  for (const { id } of keeper.inForce.rules.bureaus)
    views.set(id, await openView(id, { url, sql: database.raw, keeper, logger, metrics }))
  const bus = createEmbeddedBus({ sql: database.raw, kinds: () => keeper.inForce.rules.kinds, log: logger })
  if (consume) for (const { view } of views.values()) bus.consume(view)

  const rebuilds = rebuildWorkers({ url, sql: database.raw, keeper, logger })
  if (consume) for (const bureau of views.keys()) rebuilds.follow(bureau)
  const workers = replayWorkers({ sql: database.raw, keeper, viewOf: (bureau) => views.get(bureau)?.sql, logger }, metrics)
  if (consume) for (const bureau of views.keys()) workers.follow(bureau)
  const { ledger, close: closeLedger } = openLedger(database.raw, keeper, logger)
  const parts: Parts = {
    origin,
    vkey: logKey.vkey,
    keeper,
    refreshRules: async () => void (await keeper.refresh(database.raw)),
    turns: new FairTurns(),
    // the thread itself runs from dist, see tests/identity/verify-signature.test.ts
    verifyElsewhere: async (...given) => {
      await new Promise((resolve) => setImmediate(resolve))
      verifyHere(...given)
    },
    fitting: new Set(),
    append: (item) => group.append(item),
    log: createLogReader(database.raw, logKey.verifier),
    view: (bureau) => views.get(bureau)?.view,
    readings: new Set(),
    ledger,
    operations: createOperationQueries(database.raw),
    busStatus: () => {
      const connections = () => [...views].map(([id, { sql }]) => [id, sql] as const)
      return readBusStatus({ sql: database.raw, keeper, views: connections, bus, topicPrefix: undefined })
    },
    metrics,
    collect: () => Promise.resolve(),
    logger,
    readiness: () => Promise.resolve({ ready: true, bus: 'embedded', publisher: 'elsewhere', consumers: {} }),
    now,
    ...options.parts,
  }
  const app = createApp(parts, options.longestAnswerMs)
  const key = (party: string): SigningKey => {
    const found = keys.get(party)
    if (found === undefined) throw new Error(`the catalogue has no party ${party}`)
    return found
  }
  const authorization = async (party: string) => ({
    authorization: `Bearer ${await signAccessToken(key(party), { audience: origin, now: now() })}`,
  })
  const request: Gateway['request'] = async (path, init = {}) => {
    const response = await app.request(path, init)
    await answersOf(keeper.inForce.rules).check(init.method ?? 'GET', path, response)
    return response
  }
  const send: Gateway['send'] = async (body, headers) =>
    request('/v1/events', { method: 'POST', body, headers: { 'content-type': 'application/jose', ...headers } })
  return {
    url,
    app,
    parts,
    turns: parts.turns,
    group,
    database,
    logKey,
    keys,
    key,
    authorization,
    request,
    send,
    post: async (event, party, headers) => send(await signEvent(key(party), event), headers),
    get: async (path, party, headers) =>
      request(path, { headers: { ...(party === undefined ? {} : await authorization(party)), ...headers } }),
    async stop() {
      await closeLedger()
      await workers.close()
      await rebuilds.close()
      await group.close()
      await bus.close()
      await unlisten().catch(() => undefined)
      await Promise.all([database, ...views.values()].map((one) => one.close()))
      await own?.close()
    },
  }
}

const answers = new WeakMap<Rules, OpenapiAnswers>()

function answersOf(rules: Rules): OpenapiAnswers {
  const known = answers.get(rules) ?? new OpenapiAnswers(rules)
  answers.set(rules, known)
  return known
}

/** Gives every party a key, vouched for by the first operator's; the order is that of a real start. */
async function registerAll(keeper: RulesKeeper, group: GroupCommit): Promise<ReadonlyMap<string, SigningKey>> {
  const parties = [...keeper.inForce.rules.parties.values()]
  const operator = parties.find(({ role }) => role === 'operator')
  if (operator === undefined) throw new Error('the catalogue has no operator')
  const keys = new Map<string, SigningKey>()
  for (const { id } of [operator, ...parties.filter((party) => party !== operator)]) {
    const key = await importSigningKey(await generateKey('ES256'))
    keys.set(id, key)
    const entry = await registerKey(key, keys.get(operator.id) ?? key, { party: id, log: origin })
    const { outcome } = await group.append(keyToAppend(entry, origin, () => new Date()))
    if (outcome !== 'appended') throw new Error(`the key of ${id} was not registered`)
  }
  return keys
}

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'
const weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]

/** The n-th made-up code of a company in Dalian, right in both of its check characters. */
export function madeUpUscc(n: number): string {
  const body = String(10_000_000 + n).slice(-8)
  const sum = [...body].reduce((total, digit, i) => total + Number(digit) * ([3, 7, 9, 10, 5, 8, 4, 2][i] ?? 0), 0)
  const check = 11 - (sum % 11)
  const first17 = `91210200${body}${check === 10 ? 'X' : check === 11 ? '0' : check}`
  const total = [...first17].reduce((acc, character, i) => acc + alphabet.indexOf(character) * (weights[i] ?? 0), 0)
  return first17 + alphabet[(31 - (total % 31)) % 31]
}

/** The JSON object of an answer. */
export async function bodyOf(response: Response): Promise<JsonObject> {
  const body: unknown = await response.json()
  if (!isJsonObject(body)) throw new Error(`no JSON object: ${JSON.stringify(body)}`)
  return body
}

/** The first example of a type. */
export function exampleOf(type: string, source?: string): Example {
  const found = examples().find((one) => one.type === type && (source === undefined || one.source === source))
  if (found === undefined) throw new Error(`no example of ${type}`)
  return found
}

/** A good establishment of the n-th made-up company. */
export function establishment(n: number, data: JsonObject = {}, time = new Date()): JsonObject & { id: string; subject: string } {
  const uscc = madeUpUscc(n)
  const { registrationNumber, ...rest } = exampleOf('registration.established.v1').data
  const example = { ...exampleOf('registration.established.v1'), subject: uscc }
  const id = randomUUID()
  return {
    ...cloudEventOf({ ...example, data: { ...rest, uscc, enterpriseName: `大连测试第${n}号有限公司`, ...data } }, id, time),
    id,
    subject: uscc,
  }
}
