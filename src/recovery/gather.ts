import { join } from 'node:path'
import type { Kafka } from 'kafkajs'
import { NotOfThisLog } from '../audit/authentic-tiles.ts'
import { Contradiction } from '../audit/contradiction.ts'
import { type LogSource, SourceFailed } from '../audit/log-source.ts'
import { openSource } from '../audit/open-source.ts'
import { SeenCheckpoints, seenName } from '../audit/seen-checkpoints.ts'
import type { Checkpoint } from '../log/checkpoint.ts'
import type { NoteVerifier } from '../log/note.ts'
import type { FoundEntries } from './found-entries.ts'
import { takeFromKafka } from './from-kafka.ts'
import { takeFromMirror } from './from-mirror.ts'
import { type ProvenEntry, provenBy, receiptFiles } from './from-receipts.ts'
import type { RestoredLog } from './restored-log.ts'
import type { SignedCheckpoints } from './signed-checkpoints.ts'

/** Where lost entries may be found. */
export interface Sources {
  /** folders or zips */
  readonly mirrors: readonly string[]
  /** files or folders */
  readonly receipts: readonly string[]
  readonly kafka: { readonly kafka: Kafka; readonly prefix: string } | undefined
}

/** The sources, opened, with every checkpoint that they know. */
export interface OpenedSources {
  readonly mirrors: readonly { readonly source: LogSource; readonly checkpoint: Checkpoint }[]
  readonly receipts: readonly ProvenEntry[]
  readonly kafka: Sources['kafka']
  /** what can't be used, in sentences */
  readonly faults: readonly string[]
}

/**
 * Opens mirrors and reads receipts, and notes every checkpoint of theirs that the log's key signed.
 *
 * @throws {Contradiction} when two of them can't both be the log's
 */
export async function openSources(sources: Sources, log: NoteVerifier, checkpoints: SignedCheckpoints): Promise<OpenedSources> {
  const faults: string[] = []
  const mirrors: OpenedSources['mirrors'][number][] = []
  for (const target of sources.mirrors) {
    const source = await openSource(target)
    mirrors.push({ source, checkpoint: checkpoints.add(await source.checkpoint(), target) })
    // a mirror may have seen a longer log than it has copied
    const seen = (await SeenCheckpoints.onFile(target, log))?.longest
    if (seen !== undefined) checkpoints.add(seen.note, join(target, seenName))
  }
  const receipts: ProvenEntry[] = []
  for (const file of await receiptFiles(sources.receipts)) {
    try {
      receipts.push(await provenBy(file, log, checkpoints))
    } catch (error) {
      if (error instanceof Contradiction) throw error
      faults.push(`${file}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { mirrors, receipts, kafka: sources.kafka, faults }
}

/** What one source had. */
export interface Gathered {
  readonly source: string
  readonly taken: number
  /** entries that the log's signature contradicts */
  readonly refused: number
}

/**
 * Takes what each source has of the lost range: mirrors first, since they know what every other source must say.
 *
 * @throws {OtherHistory}, {NotOfThisLog}
 */
export async function gather(opened: OpenedSources, restored: RestoredLog, found: FoundEntries): Promise<readonly Gathered[]> {
  const gathered: Gathered[] = []
  for (const { source, checkpoint } of opened.mirrors)
    gathered.push({ source: source.name, ...(await takeFromMirror(source, checkpoint, restored, found)) })
  let taken = 0
  for (const { index, entry } of opened.receipts) if ((await found.take(index, entry, true)) === 'taken') taken += 1
  if (opened.receipts.length > 0) gathered.push({ source: `${opened.receipts.length} receipts`, taken, refused: 0 })
  if (opened.kafka !== undefined) {
    const since = restored.lastReceived
    gathered.push({ source: 'Kafka', ...(await takeFromKafka({ ...opened.kafka, since }, found)) })
  }
  return gathered
}

/** Why a source can't be used at all, in a sentence; undefined for what is another fault. */
export function sourceFault(error: unknown): string | undefined {
  return error instanceof SourceFailed || error instanceof NotOfThisLog ? error.message : undefined
}
