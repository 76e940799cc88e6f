import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Contradiction, type SeenCheckpoint } from '../audit/contradiction.ts'
import { connectKafka } from '../bus/kafka-client.ts'
import { kafkaSettingsOf } from '../bus/kafka-settings.ts'
import { catalogueDigests, readCatalogueFiles } from '../catalogue/load.ts'
import { type Config, readConfig } from '../config.ts'
import type { RawSql } from '../database/connect.ts'
import { migrateLog } from '../database/migrate.ts'
import { LastCheckpoint, readLastCheckpoint } from '../log/last-checkpoint.ts'
import { type LogKey, loadLogKey } from '../log/log-key.ts'
import { createLogger, type Logger } from '../logger.ts'
import { viewsAhead } from '../recovery/derived-ahead.ts'
import { FoundEntries } from '../recovery/found-entries.ts'
import { OtherHistory } from '../recovery/from-mirror.ts'
import { gather, type OpenedSources, openSources, sourceFault } from '../recovery/gather.ts'
import { proveRange } from '../recovery/prove-range.ts'
import { ExchangeRuns, expectStopped, recover } from '../recovery/recovery.ts'
import { expectPublished, type RestoredLog, readRestored } from '../recovery/restored-log.ts'
import { SignedCheckpoints } from '../recovery/signed-checkpoints.ts'
import { CommandFailed } from './command.ts'
import { faultOf, readText } from './key-file.ts'
import { doneText, foundText, surveyText } from './log-recover-text.ts'
import { withOwnDatabase } from './own-database.ts'
import { type Progress, progressBar } from './progress.ts'

export interface RecoverOptions {
  readonly fromMirror?: readonly string[]
  readonly fromReceipts?: readonly string[]
  readonly fromKafka?: true
  readonly checkpoint?: readonly string[]
  readonly leaveUnproven?: true
  readonly apply?: true
}

const say = (text: string) => process.stdout.write(text)

/** Shows what of the published log the database does not have, and puts it back where `--apply` says so. */
export async function recoverLog(options: RecoverOptions): Promise<void> {
  const config = readConfig()
  await mkdir(config.dataDir, { recursive: true })
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

interface Means {
  readonly options: RecoverOptions
  readonly config: Config
  readonly logger: Logger
  readonly key: LogKey
  readonly checkpoints: SignedCheckpoints
}

async function recoverIn(sql: RawSql, means: Means): Promise<void> {
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
  say(surveyText(restored, checkpoints))
  const range = { from: restored.size, to: Math.max(restored.size, target.size) }
  const found = await FoundEntries.open(range, join(config.dataDir, `recovery-${process.pid}`))
  try {
    const gathered = await gather(opened, restored, found)
    const proved = proveRange(restored.edge, checkpoints.all(), found)
    say(foundText(gathered, opened.faults, found))
    const seen = [found.beyond, ...(await viewsAhead(sql, range.to)).map(({ index }) => index)]
    const beyond = Math.max(-1, ...seen.filter((index) => index !== undefined))
    judge({ options, found, contradicts: proved.contradicts, beyond, size: range.to })
    const isWhole = range.to === range.from && beyond < range.to
    if (isWhole) return void say('nothing is missing: the log extends everything that was published\n')
    if (!options.apply) return void say('every missing entry was found and proved; nothing was written: say --apply\n')
    let bar: Progress | undefined
    const onProgress = (done: number, total: number) => {
      bar ??= progressBar(total)
      bar.update(done)
    }
    const end = endOf(restored, target)
    const takenBack = await recover({ sql, key, restored, target: end, found, blobs: blobsOf(opened, config), onProgress })
    bar?.stop()
    await keepCheckpoint(config, means.logger, end)
    say(doneText(end.size, restored.size, takenBack))
  } finally {
    await found.close()
  }
}

/** What the log will be: as published, or as it is where it is longer than all that is known to be. */
function endOf({ size, root, checkpoint }: RestoredLog, target: SeenCheckpoint): SeenCheckpoint {
  return checkpoint !== undefined && size > target.size ? { origin: target.origin, size, root, note: checkpoint } : target
}

/** What this gateway published, and what the operator brings. */
async function readOwnCheckpoints({ options, config, checkpoints }: Means): Promise<void> {
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

interface Judged {
  readonly options: RecoverOptions
  readonly found: FoundEntries
  readonly contradicts: number | undefined
  readonly beyond: number
  readonly size: number
}

/** @throws {CommandFailed} exit code 1 when the log can't become what was published */
function judge({ options, found, contradicts, beyond, size }: Judged): void {
  const { absent, unproven } = found.missing()
  if (absent.length + unproven.length > 0) {
    const why =
      contradicts === undefined
        ? 'some entries are in none of these sources, and without them nothing proves what Kafka has'
        : `what was found does not make up the root of the checkpoint of ${contradicts} entries` +
          (found.disputed.length > 0 ? `; sources disagree about ${found.disputed.slice(0, 20).join(', ')}` : '')
    throw new CommandFailed(`${why}; bring more mirrors and receipts: bureaus keep a receipt of every event they sent`, 1)
  }
  if (beyond >= size && !options.leaveUnproven)
    throw new CommandFailed(
      `an entry ${beyond} is known, but no checkpoint covers more than ${size} entries: ask bureaus for their newest receipts and auditors for ` +
        'their checkpoints, or leave out what nobody can prove with --leave-unproven',
      1,
    )
}

function blobsOf({ mirrors }: OpenedSources, { cataloguePath }: Config) {
  const own = readCatalogueFiles(cataloguePath).catch(() => new Map<string, string>())
  const ofMirrors = mirrors.map(
    ({ source }) =>
      (digest: string) =>
        source.blob(digest).catch(() => undefined),
  )
  const ofOwn = async (digest: string) => {
    const files = await own
    const name = Object.entries(catalogueDigests(files)).find(([, one]) => one === digest)?.[0]
    const content = name === undefined ? undefined : files.get(name)
    return content === undefined ? undefined : Buffer.from(content)
  }
  return [...ofMirrors, ofOwn]
}

async function keepCheckpoint(config: Config, logger: Logger, { size, note }: { size: number; note: string }): Promise<void> {
  const kept = new LastCheckpoint(join(config.dataDir, 'last-checkpoint'), logger)
  kept.keep(size, note)
  await kept.flush()
}
