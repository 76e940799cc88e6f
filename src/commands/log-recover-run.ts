import { join } from 'node:path'
import { Contradiction } from '../audit/contradiction.ts'
import { connectKafka } from '../bus/kafka-client.ts'
import { kafkaSettingsOf } from '../bus/kafka-settings.ts'
import { type Config, readConfig } from '../config.ts'
import type { RawSql } from '../database/connect.ts'
import { makeDataDir } from '../database/data-dir.ts'
import { migrateLog } from '../database/migrate.ts'
import { readLastCheckpoint } from '../log/last-checkpoint.ts'
import { loadLogKey } from '../log/log-key.ts'
import { createLogger, type Logger } from '../logger.ts'
import { viewsAhead } from '../recovery/derived-ahead.ts'
import { FoundEntries, maxLostEntries } from '../recovery/found-entries.ts'
import { OtherHistory } from '../recovery/from-mirror.ts'
import { gather, openSources, sourceFault } from '../recovery/gather.ts'
import { proveRange } from '../recovery/prove-range.ts'
import { ExchangeRuns, expectStopped } from '../recovery/recovery.ts'
import { expectPublished, readRestored } from '../recovery/restored-log.ts'
import { SignedCheckpoints } from '../recovery/signed-checkpoints.ts'
import { CommandFailed } from './command.ts'
import { faultOf, readText } from './key-file.ts'
import { type RecoverMeans, type RecoverOptions, settle } from './log-recover-settle.ts'
import { foundText, surveyText } from './log-recover-text.ts'
import { withOwnDatabase } from './own-database.ts'

/** Shows what of the published log the database does not have, and puts it back where `--apply` says so. */
export async function recoverLog(options: RecoverOptions): Promise<void> {
  const config = readConfig()
  await makeDataDir(config.dataDir)
  const logger = createLogger('error')
  const key = await loadLogKey(config.logKeyFile, config.logOrigin)
  const checkpoints = new SignedCheckpoints(key.verifier)
  try {
    await withOwnDatabase(config, logger, async ({ raw }, url) => {
      await expectStopped(raw)
      await migrateLog(url)
      await recoverIn(raw, { options, config, logger, key, checkpoints })
    })
  } catch (error) {
    if (error instanceof Contradiction) throw new CommandFailed(`FORK: ${error.message}; ${otherHistory}`, 1)
    if (error instanceof OtherHistory) throw new CommandFailed(`${error.message}; ${otherHistory}`, 1)
    if (error instanceof ExchangeRuns) throw new CommandFailed(error.message)
    const fault = sourceFault(error)
    throw fault === undefined ? error : new CommandFailed(fault)
  }
}

const otherHistory = 'nothing can be put behind it. Restore an earlier backup, from before the histories parted, and try again'

async function recoverIn(sql: RawSql, means: RecoverMeans): Promise<void> {
  const { options, config, key, checkpoints } = means
  const restored = await readRestored(sql, key)
  await readOwnCheckpoints(means)
  const kafka = options.fromKafka ? await kafkaOf(config, means.logger) : undefined
  const sources = { mirrors: options.fromMirror ?? [], receipts: options.fromReceipts ?? [], kafka }
  const opened = await openSources(sources, key.verifier, checkpoints)
  const target = checkpoints.largest()
  await expectPublished(sql, restored, checkpoints.all())
  if (target === undefined)
    throw new CommandFailed(
      `nothing says what was published: ${join(config.dataDir, 'last-checkpoint')} is not there; bring a checkpoint, a mirror or receipts`,
    )
  process.stdout.write(surveyText(restored, checkpoints))
  const range = { from: restored.size, to: Math.max(restored.size, target.size) }
  if (range.to - range.from > maxLostEntries)
    throw new CommandFailed(
      `${range.to - range.from} entries are too many at once, ${maxLostEntries} are the most: restore a newer backup first`,
    )
  const found = await FoundEntries.open(range, join(config.dataDir, `recovery-${process.pid}`))
  try {
    const gathered = await gather(opened, restored, found)
    const proved = proveRange(restored.edge, checkpoints.all(), found)
    process.stdout.write(foundText(gathered, opened.faults, found))
    const seen = [found.beyond, ...(await viewsAhead(sql, range.to)).map(({ index }) => index)]
    const beyond = Math.max(-1, ...seen.filter((index) => index !== undefined))
    await settle({ ...means, sql, restored, opened, target, found, proved, beyond })
  } finally {
    await found.close()
  }
}

/** What this gateway published, and what the operator brings. */
async function readOwnCheckpoints({ options, config, checkpoints }: RecoverMeans): Promise<void> {
  const own = join(config.dataDir, 'last-checkpoint')
  const files = new Map((options.checkpoint ?? []).map((file) => [file, readText(file)]))
  const published = await readLastCheckpoint(own)
  if (published !== undefined) files.set(own, Promise.resolve(published))
  for (const [file, reading] of files) {
    const note = await reading
    try {
      checkpoints.add(note, file)
    } catch (error) {
      if (error instanceof Contradiction) throw error
      throw new CommandFailed(`${file} is no checkpoint of this log: ${faultOf(error)}`)
    }
  }
}

async function kafkaOf(config: Config, logger: Logger) {
  if (config.kafka === undefined) throw new CommandFailed('--from-kafka needs KAFKA_BROKERS')
  return { kafka: connectKafka(await kafkaSettingsOf(config.kafka), logger), prefix: config.kafka.prefix }
}
