import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createApp } from './arrival/app.ts'
import type { Parts, Readiness } from './arrival/parts.ts'
import { type HttpServer, listen } from './arrival/server.ts'
import type { Bus, Consumption, Subscriber } from './bus/bus.ts'
import { createEmbeddedBus } from './bus/embedded.ts'
import { createKafkaBus } from './bus/kafka.ts'
import { partitionOf } from './bus/partition.ts'
import { compileRules } from './catalogue/compile.ts'
import { catalogueDigests, readCatalogueFiles } from './catalogue/load.ts'
import type { Config, KafkaConfig } from './config.ts'
import { connect, type Database, pingDatabase, type RawSql } from './database/connect.ts'
import { migrateLog } from './database/migrate.ts'
import { openDatabase } from './database/open.ts'
import { makeDevelopmentKeys } from './development-keys.ts'
import { assertNever } from './domain/text.ts'
import { beginLog, isBegun } from './log/begin.ts'
import { LogCommit, rulesChannel } from './log/commit.ts'
import { GroupCommit } from './log/group-commit.ts'
import { LastCheckpoint, readLastCheckpoint } from './log/last-checkpoint.ts'
import { type LogKey, loadLogKey, loadOrMakeLogKey } from './log/log-key.ts'
import { createLogReader } from './log/read.ts'
import { RulesKeeper } from './log/rules-in-force.ts'
import { verifyStart } from './log/verify-start.ts'
import { createLogger, type Logger } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { lagEvents } from './view/lag.ts'
import { createView, type View } from './view/view.ts'
import { migrateView, viewSchema } from './view/view-schema.ts'

/** What a process does. */
export interface Roles {
  readonly gateway: boolean
  readonly publish: boolean
  /** bureaus whose views it keeps, or all of the catalogue, also those that come later */
  readonly consume: 'all' | readonly string[]
}

/** A running process of the exchange. */
export interface Exchange {
  /** port it listens on; undefined without the gateway's role */
  readonly port: number | undefined
  readonly logger: Logger
  /** the log's public key */
  readonly vkey: string
  /** resolves when a part that it can't do without has ended by itself */
  readonly failed: Promise<string>
  /** Finishes what was accepted, then closes everything; the database last. */
  stop(): Promise<void>
}

/** Advisory lock that orders first starts on one database; any number no other part uses. */
const firstStartLock = 5_318_008
/** An unknown key is worth a look at the log this often at most. */
const refreshPauseMs = 1000
const readinessTimeoutMs = 2000

/** Builds a process out of its configuration: the only place that constructs adapters and stages. */
export async function compose(config: Config, roles: Roles): Promise<Exchange> {
  const logger = createLogger(config.logLevel)
  const closers: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    return await build(config, roles, logger, closers, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

type Closers = (() => Promise<void>)[]

async function build(
  config: Config,
  roles: Roles,
  logger: Logger,
  closers: Closers,
  stop: () => Promise<void>,
): Promise<Exchange> {
  await mkdir(config.dataDir, { recursive: true })
  const opened = await openDatabase(config, logger)
  closers.push(opened.stop)
  await migrateLog(opened.url)
  const database = connect(opened.url, { name: 'lianban', maxConnections: 16 })
  closers.push(database.close)
  await pingDatabase(database)
  const metrics = createMetrics()
  const lastCheckpoint = new LastCheckpoint(join(config.dataDir, 'last-checkpoint'), logger)
  const log = await openLog(config, database.raw, roles, logger, metrics, lastCheckpoint)
  if (log.group !== undefined)
    closers.push(
      () => lastCheckpoint.flush(),
      () => log.group?.close() ?? Promise.resolve(),
    )
  const { keeper } = log
  await listenForRules(database.raw, keeper, closers)

  const views = new Views(opened.url, keeper, logger)
  closers.push(() => views.close())
  await views.update()
  const bus = await createBus(config.kafka, database.raw, keeper, logger, metrics)
  closers.push(() => bus.close())
  const consumptions = new Map<string, Consumption>()
  const consumeNew = () => {
    for (const bureau of wantedBureaus(roles, keeper)) {
      const view = views.get(bureau)
      if (view !== undefined && !consumptions.has(bureau))
        consumptions.set(bureau, bus.consume(subscriberOf(view, keeper, database.raw)))
    }
  }
  consumeNew()
  keeper.onChange(() => {
    views
      .update()
      .then(consumeNew, (error) =>
        logger.error(
          { error: String(error) },
          'the views of a new catalogue could not be set up; the next change or start tries again',
        ),
      )
  })
  const publisher = roles.publish ? bus.publish() : undefined

  let http: HttpServer | undefined
  if (log.group !== undefined) {
    const readiness = () => readinessOf(database, bus, publisher, consumptions)
    const parts = partsOf({
      config,
      log: { ...log, group: log.group },
      database,
      views,
      metrics,
      logger,
      readiness,
      lastCheckpoint,
    })
    http = await listen(createApp(parts), config.host, config.port)
    closers.push(http.close)
  }
  return { port: http?.port, logger, vkey: log.key.vkey, failed: opened.failed, stop }
}

export interface OpenedLog {
  readonly keeper: RulesKeeper
  readonly key: LogKey
  /** only with the gateway's role */
  readonly group: GroupCommit | undefined
}

/** Begins the log at the very first start, and otherwise makes sure that it is the one that was published. */
export async function openLog(
  config: Config,
  sql: RawSql,
  roles: Roles,
  logger: Logger,
  metrics: Metrics,
  lastCheckpoint: LastCheckpoint,
): Promise<OpenedLog> {
  const published = await readLastCheckpoint(join(config.dataDir, 'last-checkpoint'))
  const lock = await sql.reserve()
  try {
    await lock`select pg_advisory_lock(${firstStartLock})`
    const begun = await isBegun(sql)
    if (!begun && !roles.gateway) throw new Error('the log was never begun: start a gateway first')
    const key =
      begun || published !== undefined
        ? await loadLogKey(config.logKeyFile, config.logOrigin)
        : await loadOrMakeLogKey(config.logKeyFile, config.logOrigin)
    await verifyStart(sql, key, published)
    if (!begun) await beginLog(sql, key, compileRules(await readCatalogueFiles(config.cataloguePath)))
    const keeper = await RulesKeeper.load(sql)
    if (begun) await warnOfOtherFiles(config, keeper, logger)
    if (!roles.gateway) return { keeper, key, group: undefined }
    const commit = new LogCommit(sql, keeper, key, (size, checkpoint) => {
      metrics.logSize.set(size)
      lastCheckpoint.keep(size, checkpoint)
    })
    const group = new GroupCommit(
      async (batch) => {
        const stop = metrics.commitSeconds.startTimer()
        metrics.batchEvents.observe(batch.length)
        const answers = await commit.commit(batch)
        stop()
        return answers
      },
      () => commit.close(),
    )
    await keysForDevelopment(config, keeper, group, logger)
    return { keeper, key, group }
  } finally {
    await lock`select pg_advisory_unlock(${firstStartLock})`
    lock.release()
  }
}

async function keysForDevelopment(config: Config, keeper: RulesKeeper, group: GroupCommit, logger: Logger): Promise<void> {
  const now = () => new Date()
  if (!config.production) {
    const folder = join(config.dataDir, 'keys')
    await makeDevelopmentKeys({ folder, origin: config.logOrigin, keeper, append: (item) => group.append(item), now })
  } else if (keeper.inForce.keys.history().length === 0)
    logger.warn({}, 'no key is registered yet: run `lianban keys register --first` with the first operator’s key')
}

async function warnOfOtherFiles({ cataloguePath }: Config, { inForce }: RulesKeeper, logger: Logger): Promise<void> {
  const own = await readCatalogueFiles(cataloguePath)
  if (JSON.stringify(catalogueDigests(own)) === JSON.stringify(catalogueDigests(inForce.rules.files))) return
  logger.warn(
    { catalogue: cataloguePath },
    'the catalogue’s files differ from the catalogue in force, which is the log’s; `lianban catalogue apply` puts them in force',
  )
}

/** Other gateways' keys and catalogues become known at once; if a notification is lost, the next append finds out. */
async function listenForRules(sql: RawSql, keeper: RulesKeeper, closers: Closers): Promise<void> {
  const refresh = () => {
    // the database may be away; whatever needs the rules next asks again
    keeper.refresh(sql).catch(() => undefined)
  }
  const { unlisten } = await sql.listen(rulesChannel, refresh, refresh)
  closers.push(() => unlisten().catch(() => undefined))
}

async function createBus(
  kafka: KafkaConfig | undefined,
  sql: RawSql,
  keeper: RulesKeeper,
  logger: Logger,
  metrics: Metrics,
): Promise<Bus> {
  const kinds = () => keeper.inForce.rules.kinds
  if (kafka === undefined) return createEmbeddedBus({ sql, kinds, log: logger })
  return createKafkaBus({
    brokers: kafka.brokers,
    prefix: kafka.prefix,
    ...(kafka.ssl === undefined ? {} : { ssl: await tlsOf(kafka.ssl) }),
    ...(kafka.sasl === undefined ? {} : { sasl: saslOf(kafka.sasl) }),
    sql,
    kinds,
    log: logger,
    metrics: {
      published: (_topic, events) => metrics.published.inc(events),
      distrusted: (bureau, messages) => metrics.foreign.inc({ bureau }, messages),
      rebuilt: (bureau) => metrics.rebuilt.inc({ bureau }),
    },
  })
}

/** kafkajs has one type for each mechanism. */
function saslOf({ mechanism, ...user }: NonNullable<KafkaConfig['sasl']>) {
  switch (mechanism) {
    case 'plain':
      return { mechanism, ...user }
    case 'scram-sha-256':
      return { mechanism, ...user }
    case 'scram-sha-512':
      return { mechanism, ...user }
    default:
      return assertNever(mechanism)
  }
}

async function tlsOf({ caFile, certFile, keyFile }: NonNullable<KafkaConfig['ssl']>) {
  const read = (file: string) => readFile(file, 'utf8')
  return {
    ...(caFile === undefined ? {} : { ca: [await read(caFile)] }),
    ...(certFile === undefined ? {} : { cert: await read(certFile) }),
    ...(keyFile === undefined ? {} : { key: await read(keyFile) }),
  }
}

function wantedBureaus({ consume }: Roles, { inForce }: RulesKeeper): readonly string[] {
  return consume === 'all' ? inForce.rules.bureaus.map(({ id }) => id) : consume
}

/** A view that never folds an event by rules older than the event. */
function subscriberOf(view: View, keeper: RulesKeeper, sql: RawSql): Subscriber {
  return {
    ...view,
    apply: async (deliveries) => {
      await keeper.refresh(sql)
      await view.apply(deliveries)
    },
  }
}

/** The views of every bureau of the catalogue in force. */
class Views {
  readonly #url: string
  readonly #keeper: RulesKeeper
  readonly #logger: Logger
  readonly #open = new Map<string, { view: View; database: Database }>()
  #updating: Promise<void> = Promise.resolve()

  constructor(url: string, keeper: RulesKeeper, logger: Logger) {
    this.#url = url
    this.#keeper = keeper
    this.#logger = logger
  }

  get(bureau: string): View | undefined {
    return this.#open.get(bureau)?.view
  }

  all(): readonly (readonly [string, View])[] {
    return [...this.#open].map(([bureau, { view }]) => [bureau, view] as const)
  }

  /** Makes what the catalogue in force asks for and is not there yet; one at a time. */
  update(): Promise<void> {
    this.#updating = this.#updating
      .catch(() => undefined)
      .then(async () => {
        for (const { id } of this.#keeper.inForce.rules.bureaus) if (!this.#open.has(id)) await this.#add(id)
      })
    return this.#updating
  }

  async #add(bureau: string): Promise<void> {
    const schema = viewSchema(bureau)
    await migrateView(this.#url, schema)
    const database = connect(this.#url, { name: `lianban ${bureau}`, schema, maxConnections: 3 })
    const rules = () => this.#keeper.inForce.rules
    const catalogues = () => this.#keeper.inForce.catalogues
    this.#open.set(bureau, {
      database,
      view: createView(database, { bureau, rules, catalogues, partitionOf, clock: () => new Date() }),
    })
    this.#logger.debug({ bureau }, 'the view is ready')
  }

  async close(): Promise<void> {
    await this.#updating.catch(() => undefined)
    await Promise.all([...this.#open.values()].map(({ database }) => database.close()))
  }
}

interface PartsMeans {
  readonly config: Config
  readonly log: OpenedLog & { readonly group: GroupCommit }
  readonly database: Database
  readonly views: Views
  readonly metrics: Metrics
  readonly logger: Logger
  readonly readiness: () => Promise<Readiness>
  readonly lastCheckpoint: LastCheckpoint
}

function partsOf({ config, log: { keeper, key, group }, database, views, metrics, logger, readiness }: PartsMeans): Parts {
  let refreshedAt = 0
  const reader = createLogReader(database.raw, key.verifier)
  return {
    origin: config.logOrigin,
    vkey: key.vkey,
    keeper,
    async refreshRules() {
      if (Date.now() - refreshedAt < refreshPauseMs) return
      refreshedAt = Date.now()
      await keeper.refresh(database.raw)
    },
    append: (item) => group.append(item),
    log: reader,
    view: (bureau) => views.get(bureau),
    readings: new Set(),
    metrics,
    collect: () => collect({ metrics, reader, views, group, database, keeper }),
    logger,
    readiness,
    now: () => new Date(),
  }
}

async function collect({
  metrics,
  reader,
  views,
  group,
  database,
  keeper,
}: {
  metrics: Metrics
  reader: ReturnType<typeof createLogReader>
  views: Views
  group: GroupCommit
  database: Database
  keeper: RulesKeeper
}): Promise<void> {
  metrics.waiting.set(group.waiting)
  metrics.logSize.set(await reader.size())
  metrics.parked.reset()
  for (const [bureau, view] of views.all()) {
    metrics.lag.set({ bureau }, await lagEvents(database.raw, keeper.inForce.rules, await view.positions(), partitionOf))
    const parked = new Map<string, number>()
    for (const { cause, events } of await view.parkedCounts()) parked.set(cause, (parked.get(cause) ?? 0) + events)
    for (const [cause, events] of parked) metrics.parked.set({ bureau, cause }, events)
  }
}

async function readinessOf(
  database: Database,
  bus: Bus,
  publisher: Consumption | undefined,
  consumptions: ReadonlyMap<string, Consumption>,
): Promise<Readiness> {
  const states = {
    bus: bus.name,
    publisher: publisher?.state() ?? 'elsewhere',
    consumers: Object.fromEntries([...consumptions].map(([bureau, consumption]) => [bureau, consumption.state()])),
  }
  const timeout = new Promise<string>((resolve) =>
    setTimeout(resolve, readinessTimeoutMs, 'the database does not answer').unref(),
  )
  const answered = database.raw`select 1`.then(
    () => undefined,
    (error: unknown) => `the database failed: ${error instanceof Error ? error.message : String(error)}`,
  )
  const reason = await Promise.race([answered, timeout])
  return reason === undefined ? { ready: true, ...states } : { ready: false, reason, ...states }
}
