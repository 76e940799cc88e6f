import { join } from 'node:path'
import { compileNewRules } from '../catalogue/compile.ts'
import { catalogueDigests, readCatalogueFiles } from '../catalogue/load.ts'
import { CatalogueInvalid } from '../catalogue/rules.ts'
import type { Config } from '../config.ts'
import type { RawSql } from '../database/connect.ts'
import { isLockTimeout, type LentConnection, lend } from '../database/lent-connection.ts'
import { CannotStart } from '../domain/cannot-start.ts'
import type { Text } from '../domain/text.ts'
import { beginLog, isBegun } from '../log/begin.ts'
import { LogCommit } from '../log/commit.ts'
import { GroupCommit, LogBusy } from '../log/group-commit.ts'
import { LastCheckpoint, readLastCheckpoint } from '../log/last-checkpoint.ts'
import { type LogKey, loadLogKey, loadOrMakeLogKey } from '../log/log-key.ts'
import { RulesKeeper } from '../log/rules-in-force.ts'
import { readSignedHead, SeenTree } from '../log/seen-tree.ts'
import { LogInconsistent, verifyStart } from '../log/verify-start.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import { makeDevelopmentKeys } from './development-keys.ts'

/** Advisory lock that orders first starts on one database; any number no other part uses. */
const firstStartLock = 7_310_442

/** The log of a process that appends to it: only such a process holds the log's private key. */
export interface AppendableLog {
  readonly keeper: RulesKeeper
  readonly key: LogKey
  readonly group: GroupCommit
  /** resolves when the database has lost what this process knew: nothing can be appended any more */
  readonly failed: Promise<string>
  /** Finishes what was taken; the last checkpoint is on disk then. */
  close(): Promise<void>
}

/**
 * Begins the log at the very first start, and otherwise makes sure that it is the one that was published.
 *
 * @throws {LogInconsistent} when it is not
 */
export function openLogToAppend(config: Config, sql: RawSql, logger: Logger, metrics: Metrics): Promise<AppendableLog> {
  return orderedFirstStart(sql, async () => {
    const file = join(config.dataDir, 'last-checkpoint')
    const published = await readLastCheckpoint(file)
    const begun = await isBegun(sql)
    const key =
      begun || published !== undefined
        ? await loadLogKey(config.logKeyFile, config.logOrigin)
        : await loadOrMakeLogKey(config.logKeyFile, config.logOrigin)
    await verifyStart(sql, key, published)
    if (!begun) await beginLog(sql, key, compileNewRules(await readCatalogueFiles(config.cataloguePath)))
    const keeper = await RulesKeeper.load(sql)
    if (begun) await warnOfOtherFiles(config, keeper, logger)
    const lastCheckpoint = new LastCheckpoint(file, logger)
    const head = await readSignedHead(sql)
    // what others have appended counts, too: a start must refuse a database that has lost it
    lastCheckpoint.keep(head.size, head.checkpoint)
    const commit = new LogCommit(sql, keeper, key, new SeenTree(head), (size, checkpoint) => {
      metrics.logSize.set(size)
      lastCheckpoint.keep(size, checkpoint)
    })
    const { group, failed } = groupCommit(commit, metrics, logger)
    const close = async () => {
      await group.close()
      await lastCheckpoint.flush()
    }
    try {
      await keysForDevelopment(config, keeper, group, logger)
    } catch (error) {
      await close()
      throw error
    }
    return { keeper, key, group, failed, close }
  })
}

/**
 * The rules of a log that others append to. What a publisher or a consumer takes from it, gateways have verified: it needs no key
 * of the log, and a machine that has none can't sign in the log's name.
 */
export function openLogToRead(config: Config, sql: RawSql, logger: Logger): Promise<RulesKeeper> {
  return orderedFirstStart(sql, async () => {
    if (!(await isBegun(sql))) throw new CannotStart('the log was never begun: start a gateway first')
    const keeper = await RulesKeeper.load(sql)
    await warnOfOtherFiles(config, keeper, logger)
    return keeper
  })
}

async function orderedFirstStart<T>(sql: RawSql, open: () => Promise<T>): Promise<T> {
  const lock = await lend(sql, `select pg_advisory_lock(${firstStartLock})`).catch((error) => {
    throw isLockTimeout(error) ? new CannotStart(othersHang, { cause: error }) : error
  })
  try {
    return await open()
  } finally {
    if (await unlocked(lock)) lock.release()
  }
}

const othersHang =
  'another process on this database has begun to start and does not come to an end: find it by its log, end it if it hangs, and start again'

async function unlocked(lock: LentConnection): Promise<boolean> {
  try {
    await lock`select pg_advisory_unlock(${firstStartLock})`
    return true
  } catch {
    return false // it is gone with its connection
  }
}

function groupCommit(commit: LogCommit, metrics: Metrics, logger: Logger): Pick<AppendableLog, 'group' | 'failed'> {
  let fail: ((reason: string) => void) | undefined
  const failed = new Promise<string>((resolve) => {
    fail = resolve
  })
  const end = ({ message }: LogInconsistent) => {
    if (fail === undefined) return
    const alarm =
      'ALARM: the database does not hold what this gateway knew, as if it was put back to an earlier state: the gateway ends'
    logger.error({ error: message }, alarm)
    fail('the database does not hold what this gateway knew')
    fail = undefined
  }
  const group = new GroupCommit(
    async (batch) => {
      const stop = metrics.commitSeconds.startTimer()
      metrics.batchEvents.observe(batch.length)
      const answers = await commit.commit(batch).catch((error) => {
        if (!(error instanceof LogInconsistent)) throw error
        end(error)
        throw new LogBusy('overloaded', putBack)
      })
      stop()
      return answers
    },
    () => commit.close(),
  )
  return { group, failed }
}

const putBack: Text = {
  en: 'the database was put back to an earlier state, and this gateway stops; send the same request again later: it is stored once',
  zh: '数据库被恢复到较早状态，本网关即将停止；请稍后重发同一请求，它只会保存一次',
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
  const own = await readCatalogueFiles(cataloguePath).catch((error) => {
    if (!(error instanceof CatalogueInvalid)) throw error
    logger.warn({ catalogue: cataloguePath, error: error.message }, 'the catalogue’s files can’t be read; the log’s are in force')
    return undefined
  })
  if (own === undefined) return
  if (JSON.stringify(catalogueDigests(own)) === JSON.stringify(catalogueDigests(inForce.rules.files))) return
  logger.warn(
    { catalogue: cataloguePath },
    'the catalogue’s files differ from the catalogue in force, which is the log’s; `lianban catalogue apply` puts them in force',
  )
}
