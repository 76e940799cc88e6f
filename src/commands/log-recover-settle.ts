import { join } from 'node:path'
import type { SeenCheckpoint } from '../audit/contradiction.ts'
import { catalogueDigests, readCatalogueFiles } from '../catalogue/load.ts'
import type { Config } from '../config.ts'
import type { RawSql } from '../database/connect.ts'
import { LastCheckpoint } from '../log/last-checkpoint.ts'
import type { LogKey } from '../log/log-key.ts'
import type { Logger } from '../logger.ts'
import type { FoundEntries } from '../recovery/found-entries.ts'
import type { OpenedSources } from '../recovery/gather.ts'
import type { ProvedRange } from '../recovery/prove-range.ts'
import { recover, type TakenBack } from '../recovery/recovery.ts'
import type { RestoredLog } from '../recovery/restored-log.ts'
import type { SignedCheckpoints } from '../recovery/signed-checkpoints.ts'
import { PublishedCheckpoint } from '../witness/published.ts'
import { CommandFailed } from './command.ts'
import { type NewOriginAsked, type NewOriginOptions, newOriginAsked, startNewOrigin } from './log-new-origin.ts'
import { doneText } from './log-recover-text.ts'
import { type Progress, progressBar } from './progress.ts'

export interface RecoverOptions extends NewOriginOptions {
  readonly fromMirror?: readonly string[]
  readonly fromReceipts?: readonly string[]
  readonly fromKafka?: true
  readonly checkpoint?: readonly string[]
  readonly leaveUnproven?: true
  readonly apply?: true
}

export interface RecoverMeans {
  readonly options: RecoverOptions
  readonly config: Config
  readonly logger: Logger
  readonly key: LogKey
  readonly checkpoints: SignedCheckpoints
}

const say = (text: string): void => void process.stdout.write(text)

/** What was found out, before anything is written. */
export interface Survey extends RecoverMeans {
  readonly sql: RawSql
  readonly restored: RestoredLog
  readonly opened: OpenedSources
  readonly target: SeenCheckpoint
  readonly found: FoundEntries
  readonly proved: ProvedRange
  /** the last entry that anything knows of; -1 when there is none */
  readonly beyond: number
}

/**
 * Puts back what was found where that makes the log whole and `--apply` says so; or ends it, and begins a new origin.
 *
 * @throws {CommandFailed} exit code 1 when entries are missing
 */
export async function settle(survey: Survey): Promise<void> {
  const { options, restored, target, found, proved, beyond } = survey
  const asked = newOriginAsked(options)
  const fault = faultIn(survey)
  if (asked !== undefined) {
    if (!isIncomplete(found)) throw new CommandFailed('nothing stays lost, so no new origin is needed: leave out --new-origin', 2)
    if (proved.contradicts !== undefined) throw new CommandFailed(`${fault}; find out first which source lies`, 1)
    if (!options.apply) return say(`${fault}; nothing was written: --apply begins ${asked.newOrigin}\n`)
    return say(await endWith(asked, survey))
  }
  if (fault !== undefined) throw new CommandFailed(fault, 1)
  if (target.size <= restored.size && beyond < restored.size)
    return say('nothing is missing: the log extends everything that was published\n')
  if (!options.apply) return say('every missing entry was found and proved; nothing was written: say --apply\n')
  const end = endOf(restored, target)
  const takenBack = await writeUpTo(end, survey)
  await keepCheckpoint(survey.config, survey.logger, end)
  await publishCosigned(survey, end.size)
  say(doneText(end.size, restored.size, takenBack))
}

async function writeUpTo(end: SeenCheckpoint, { sql, key, restored, found, opened, config }: Survey): Promise<TakenBack> {
  let bar: Progress | undefined
  const onProgress = (done: number, total: number) => {
    bar ??= progressBar(total)
    bar.update(done)
  }
  try {
    return await recover({ sql, key, restored, target: end, found, blobs: blobsOf(opened, config), onProgress })
  } finally {
    bar?.stop()
  }
}

/** What the witnesses stood by is served again, so that the published size does not fall. */
async function publishCosigned({ sql, config, key, checkpoints }: Survey, size: number): Promise<void> {
  if (config.witnesses === undefined) return
  const { witnesses, quorum } = config.witnesses
  const published = new PublishedCheckpoint(sql, {
    log: key.verifier,
    witnesses: witnesses.map(({ witness }) => witness),
    quorum,
  })
  for (const { note } of checkpoints.all().filter((one) => one.size <= size)) {
    // most have the log's own signature alone
    await published.store(note).catch(() => undefined)
  }
}

/** The old log gets what can be proved without a gap; then it ends, and another begins. */
async function endWith(asked: NewOriginAsked, survey: Survey): Promise<string> {
  const { sql, key, checkpoints, restored, target, found, proved } = survey
  const provedTo = checkpoints.all().find(({ size }) => size === proved.size)
  if (provedTo !== undefined && provedTo.size > restored.size) await writeUpTo(provedTo, survey)
  const kept = provedTo ?? restored
  return startNewOrigin(asked, { sql, key, published: target, kept, found })
}

/** What the log will be: as published, or as it is where it is longer than all that is known to be. */
function endOf({ size, root, checkpoint }: RestoredLog, target: SeenCheckpoint): SeenCheckpoint {
  return checkpoint !== undefined && size > target.size ? { origin: target.origin, size, root, note: checkpoint } : target
}

const isIncomplete = (found: FoundEntries): boolean => {
  const { absent, unproven } = found.missing()
  return absent.length + unproven.length > 0
}

/** Why the log can't become what was published, in a sentence. */
function faultIn({ options, found, proved: { contradicts }, beyond, restored, target }: Survey): string | undefined {
  if (isIncomplete(found)) {
    const why =
      contradicts === undefined
        ? 'some entries are in none of these sources, and without them nothing proves what Kafka has'
        : `what was found does not make up the root of the checkpoint of ${contradicts} entries` +
          (found.disputed.length > 0 ? `; sources disagree about ${found.disputed.slice(0, 20).join(', ')}` : '')
    return `${why}; bring more mirrors and receipts: bureaus keep a receipt of every event they sent`
  }
  const size = Math.max(restored.size, target.size)
  if (beyond < size || options.leaveUnproven) return undefined
  return (
    `an entry ${beyond} is known, but no checkpoint covers more than ${size} entries: ask bureaus for their newest receipts and ` +
    'auditors for their checkpoints, or leave out what nobody can prove with --leave-unproven'
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
