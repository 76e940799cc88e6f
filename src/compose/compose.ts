import { Alarms } from '../alarm/alarms.ts'
import { Notices } from '../alarm/notices.ts'
import { createApp } from '../arrival/app.ts'
import { FairTurns } from '../arrival/fair-turns.ts'
import { sharedRefresh } from '../arrival/fresh-rules.ts'
import { readGauges } from '../arrival/gauges.ts'
import { createMetricsApp } from '../arrival/metrics-app.ts'
import { oneAtATime } from '../arrival/one-at-a-time.ts'
import type { Parts } from '../arrival/parts.ts'
import { type BusParts, readinessOf } from '../arrival/readiness.ts'
import { listen } from '../arrival/server.ts'
import type { Bus, Consumption } from '../bus/bus.ts'
import { createEmbeddedBus } from '../bus/embedded.ts'
import { createKafkaBus } from '../bus/kafka.ts'
import { kafkaSettingsOf } from '../bus/kafka-settings.ts'
import type { Config } from '../config.ts'
import { connect, type Database, goneAtStart, pingDatabase, type RawSql } from '../database/connect.ts'
import { makeDataDir } from '../database/data-dir.ts'
import { migrateLog } from '../database/migrate.ts'
import { type OpenedDatabase, openDatabase, stopOpened } from '../database/open.ts'
import { aborted } from '../deadline.ts'
import { VerifyingThread } from '../identity/verifying-thread.ts'
import { rulesChannel } from '../log/commit.ts'
import { createLogReader } from '../log/read.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import { createLogger, type Logger } from '../logger.ts'
import { createMetrics, type Metrics } from '../metrics.ts'
import { readBusStatus } from '../operations/bus-status.ts'
import type { Ledger } from '../operations/ledger.ts'
import { createOperationQueries } from '../operations/queries.ts'
import { Views } from '../view/views.ts'
import { startWitnessing, type Witnessing } from '../witness/witnessing.ts'
import { Closers } from './closers.ts'
import { openAlarms } from './open-alarms.ts'
import { checkWorkers } from './open-checks.ts'
import { type AppendableLog, openLogToAppend, openLogToRead } from './open-log.ts'
import { openLedger, replayWorkers } from './open-operations.ts'
import { rebuildWorkers } from './open-rebuilds.ts'
import { openView } from './open-view.ts'
import type { Workers } from './view-workers.ts'

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
  /** the log's public key; undefined without the gateway's role, which alone has the log's key */
  readonly vkey: string | undefined
  /** resolves when a part that it can't do without has ended by itself */
  readonly failed: Promise<string>
  /** Finishes what was accepted, then closes everything; the database last. */
  stop(): Promise<void>
}

type Built = Pick<Exchange, 'port' | 'vkey' | 'failed'>

/**
 * Builds a process out of its configuration: with open-log.ts the only place that constructs adapters and stages.
 *
 * @param asked ends it before it is built: what is open is closed, then the signal's reason is thrown. The process has to end then, and
 *   cuts off whatever still waits for a database of others, as a kill does
 */
export async function compose(
  config: Config,
  roles: Roles,
  asked: AbortSignal = new AbortController().signal,
): Promise<Exchange> {
  const logger = createLogger(config.logLevel)
  const closers = new Closers(logger)
  try {
    const built = await Promise.race([build(config, roles, logger, closers, asked), aborted(asked)])
    return { ...built, logger, stop: () => closers.close() }
  } catch (error) {
    if (error === asked.reason) logger.info({ reason: String(error) }, 'stopping before the start is over')
    await closers.close()
    if (error === asked.reason) logger.info({}, 'stopped')
    throw error
  }
}

async function build(config: Config, roles: Roles, logger: Logger, closers: Closers, asked: AbortSignal): Promise<Built> {
  await makeDataDir(config.dataDir)
  const opening = openDatabase(config, logger, asked)
  closers.add('the database', () => stopOpened(opening))
  const opened = await opening
  const database = connect(opened.url, { name: 'lianban', maxConnections: 16 })
  closers.add('the connections', database.close)
  // a database that we refuse is left as it is
  await pingDatabase(database)
  return buildOn({ config, roles, logger, closers, opened, database }).catch((error) => {
    throw goneAtStart(error, database)
  })
}

interface Foundation {
  readonly config: Config
  readonly roles: Roles
  readonly logger: Logger
  readonly closers: Closers
  readonly opened: OpenedDatabase
  readonly database: Database
}

async function buildOn({ config, roles, logger, closers, opened, database }: Foundation): Promise<Built> {
  await migrateLog(opened.url)
  const metrics = createMetrics()

  const log = roles.gateway ? await openLogToAppend(config, database.raw, logger, metrics) : undefined
  if (log !== undefined) closers.add('the log', log.close)
  const keeper = log?.keeper ?? (await openLogToRead(config, database.raw, logger))
  closers.add('the rules’ channel', await listenForRules(database.raw, keeper, logger))

  const views = new Views(keeper, (bureau) => openView(bureau, { url: opened.url, sql: database.raw, keeper, logger, metrics }))
  closers.add('the views', () => views.close())
  await views.update()
  const working = { sql: database.raw, keeper, viewOf: (bureau: string) => views.sql(bureau), logger }
  const replays = replayWorkers(working, metrics)
  closers.add('the replays', replays.close)
  const notices = new Notices(new Alarms(database.raw), logger)
  const checks = checkWorkers({ ...working, metrics, notices, everyMs: config.checkEverySeconds * 1000 })
  closers.add('the checks for holes', checks.close)
  const rebuilds = rebuildWorkers({ url: opened.url, sql: database.raw, keeper, logger })
  closers.add('the rebuilds', rebuilds.close)
  const bus = await createBus(config, database.raw, keeper, logger, metrics, notices)
  closers.add('the bus', () => bus.close())
  const consumers = consumeAll(bus, roles, { keeper, views, logger, workers: [replays, checks, rebuilds] })
  const publisher = roles.publish ? bus.publish() : undefined
  if (log === undefined) {
    if (config.metricsPort !== undefined) {
      const own = await listen(createMetricsApp(metrics), config.host, config.metricsPort, undefined, 'METRICS_PORT')
      closers.add('the metrics', own.close)
      logger.info({ metricsPort: own.port }, 'the metrics are served')
    }
    return { port: undefined, vkey: undefined, failed: opened.failed }
  }

  const means = { sql: database.raw, log: log.key.verifier, metrics, logger }
  const witnessing = await startWitnessing(config.witnesses, means)
  if (witnessing !== undefined) closers.add('the witnesses', witnessing.close)
  const busParts = { bus: bus.name, publisher, consumers }
  const { kafka, webhook, logOrigin: origin, heartbeatSeconds } = config
  const { health: witnesses } = witnessing ?? { health: undefined }
  const watched = { sql: database.raw, keeper, views, topicPrefix: kafka?.prefix, witnesses, heartbeatSeconds }
  closers.add('the alarms', await openAlarms({ ...watched, webhook, origin, metrics, logger }))
  const { ledger, close } = openLedger(database.raw, keeper, logger, kafka !== undefined)
  closers.add('the ledger of operations', close)
  const verifying = new VerifyingThread((error) =>
    logger.error({ error }, 'the thread that verifies signatures failed; the next signature starts another'),
  )
  closers.add('the verifying thread', () => verifying.close())
  const parts = partsOf({ config, log, verifying, database, views, metrics, logger, bus, busParts, witnessing, ledger })
  const http = await listen(createApp(parts), config.host, config.port)
  closers.add('HTTP', http.close)
  return { port: http.port, vkey: log.key.vkey, failed: Promise.race([opened.failed, log.failed]) }
}

/**
 * Other gateways' keys and catalogues become known at once; if a notification is lost, the next append finds out.
 *
 * @returns ends it
 */
async function listenForRules(sql: RawSql, keeper: RulesKeeper, logger: Logger): Promise<() => Promise<void>> {
  const refresh = () => {
    // the database may be away; whatever needs the rules next asks again
    keeper.refresh(sql).catch((error) => logger.warn({ error }, 'the new rules could not be read yet'))
  }
  const { unlisten } = await sql.listen(rulesChannel, refresh, refresh)
  // its connection is closed with the others, and may be lost already
  return () => unlisten().catch(() => undefined)
}

async function createBus(
  { kafka, heartbeatSeconds }: Config,
  sql: RawSql,
  keeper: RulesKeeper,
  log: Logger,
  metrics: Metrics,
  notices: Notices,
): Promise<Bus> {
  const kinds = () => keeper.inForce.rules.kinds
  const heartbeatMs = heartbeatSeconds * 1000
  if (kafka === undefined) return createEmbeddedBus({ sql, kinds, log, heartbeatMs })
  return createKafkaBus({
    ...(await kafkaSettingsOf(kafka)),
    prefix: kafka.prefix,
    sql,
    kinds,
    log,
    heartbeatMs,
    metrics: {
      published: (_topic, events) => metrics.published.inc(events),
      heartbeats: (messages) => metrics.heartbeats.inc(messages),
      readFromLog: (bureau, events) => metrics.readFromLog.inc({ bureau }, events),
      distrusted(bureau, messages) {
        metrics.foreign.inc({ bureau }, messages)
        notices.notice('foreign-messages', { about: bureau, details: { bureau, messages } })
      },
      rebuilt: (bureau) => metrics.rebuilt.inc({ bureau }),
    },
  })
}

interface ConsumerMeans {
  readonly keeper: RulesKeeper
  readonly views: Views
  readonly logger: Logger
  readonly workers: readonly Workers[]
}

/** Consumes for the bureaus of this process, those too that a later catalogue brings. */
function consumeAll(bus: Bus, { consume }: Roles, { keeper, views, logger, workers }: ConsumerMeans) {
  const consumers = new Map<string, Consumption>()
  const consumeNew = () => {
    for (const bureau of consume === 'all' ? keeper.inForce.rules.bureaus.map(({ id }) => id) : consume) {
      const view = views.get(bureau)
      if (view === undefined)
        logger.warn({ bureau }, 'the catalogue in force has no such bureau: its view waits for one that has')
      else if (!consumers.has(bureau)) {
        consumers.set(bureau, bus.consume(view))
        for (const { follow } of workers) follow(bureau)
      }
    }
  }
  consumeNew()
  keeper.onChange(() => {
    views
      .update()
      .then(consumeNew, (error) =>
        logger.error({ error }, 'the views of a new catalogue could not be set up; the next change or start tries again'),
      )
  })
  return consumers
}

interface PartsMeans {
  readonly config: Config
  readonly log: AppendableLog
  readonly verifying: VerifyingThread
  readonly database: Database
  readonly views: Views
  readonly metrics: Metrics
  readonly logger: Logger
  readonly bus: Bus
  readonly busParts: BusParts
  readonly witnessing: Witnessing | undefined
  readonly ledger: Ledger
}

function partsOf(means: PartsMeans): Parts {
  const { config, verifying, database, views, metrics, logger, bus, busParts, witnessing, ledger } = means
  const topicPrefix = config.kafka?.prefix
  const { keeper, key, group } = means.log
  const { raw: sql } = database
  const log = createLogReader(sql, key.verifier, witnessing?.published)
  return {
    origin: config.logOrigin,
    vkey: key.vkey,
    keeper,
    refreshRules: sharedRefresh(() => keeper.refresh(sql)),
    turns: new FairTurns(),
    verifyElsewhere: (compact, header, key) => verifying.verify(compact, header, key),
    fitting: new Set(),
    async append(item) {
      await witnessing?.admit(item)
      return group.append(item)
    },
    log,
    view: (bureau) => views.get(bureau),
    readings: new Set(),
    ledger,
    operations: createOperationQueries(sql),
    busStatus: oneAtATime(() => readBusStatus({ sql, keeper, views: () => views.connections(), bus, topicPrefix })),
    metrics,
    collect: oneAtATime(async () => {
      await Promise.all([
        readGauges(metrics, { sql, log, keeper, views, topicPrefix, waiting: () => group.waiting }),
        witnessing?.readGauges(),
      ])
    }),
    logger,
    readiness: oneAtATime(() => readinessOf(sql, busParts, witnessing)),
    now: () => new Date(),
  }
}
