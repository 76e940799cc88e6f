import { setTimeout as pause } from 'node:timers/promises'
import type { SigningKey } from '../../identity/private-key.ts'
import type { NoteVerifier } from '../../log/note.ts'
import { makeFolder } from '../../make-folder.ts'
import { NotOfThisLog } from '../authentic-tiles.ts'
import { Contradiction } from '../contradiction.ts'
import { type Copied, copyLog, SourceBehind } from '../export/copy-log.ts'
import { FolderFailed, failureOf, folderFailed } from '../export/folder-failed.ts'
import { FolderLock } from '../export/folder-lock.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import { openSource } from '../open-source.ts'
import { SeenCheckpoints } from '../seen-checkpoints.ts'
import type { CheckpointRules } from '../trusted-checkpoint.ts'
import { MetricsUnwritten, MirrorMetrics, type RoundResult } from './mirror-metrics.ts'

export interface Follow extends CheckpointRules {
  /** URL of an exchange or of a served copy */
  readonly target: string
  readonly folder: string
  readonly vkey: string
  readonly key?: SigningKey | undefined
  /** pause between two rounds; undefined: one round and no more */
  readonly everySeconds?: number | undefined
  readonly metricsFile?: string | undefined
  readonly signal: AbortSignal
  /** told in a sentence before a request is made again */
  readonly onAgain?: ((why: string) => void) | undefined
  /** a sentence about each round that brought something, or failed */
  say(line: string): void
}

/**
 * An exchange puts each access token that reads entries on record, which is an entry again. When nothing else has come,
 * the mirror would read its own readings for ever: it lets them gather, but no longer than this.
 */
const ownReadingsWaitMs = 3_600_000

/**
 * Follows a log: each round holds the newest checkpoint against all that were seen, and copies what is new. A source that is away,
 * or a folder that takes no files, is tried again in the next round, for as long as it takes.
 *
 * @throws {Contradiction} at once, in whatever mode; its proof is in the folder
 * @throws {ExportUnusable} while another process is at the folder
 * @throws whatever kept the only round from succeeding, where there is one only
 */
export async function followLog(follow: Follow): Promise<void> {
  const { folder, log, signal, everySeconds } = follow
  const lock = new FolderLock(folder)
  try {
    const round = new Rounds(follow, lock, await openFolder(folder, log, lock))
    while (!signal.aborted) {
      await round.once()
      if (everySeconds === undefined) return
      await pause(everySeconds * 1000, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    await lock.release()
  }
}

interface Failed {
  readonly result: RoundResult
  readonly error: unknown
}

class Rounds {
  readonly #follow: Follow
  readonly #lock: FolderLock
  readonly #seen: SeenCheckpoints
  readonly #metrics: MirrorMetrics
  #source: LogSource | undefined
  #copied: { readonly size: number; readonly at: number; readonly readings: number } | undefined

  constructor(follow: Follow, lock: FolderLock, seen: SeenCheckpoints) {
    this.#lock = lock
    this.#follow = follow
    this.#seen = seen
    this.#metrics = new MirrorMetrics(follow.metricsFile)
  }

  async once(): Promise<void> {
    const { everySeconds } = this.#follow
    const failed = await this.#copyAndCount()
    if (failed === undefined) return
    if (failed.result === 'alarm' || everySeconds === undefined) throw failed.error
    this.#say(failed.error)
  }

  /** @returns what kept the round from succeeding */
  async #copyAndCount(): Promise<Failed | undefined> {
    try {
      const { checkpoint, range, sizeBefore } = await this.#copy()
      const { size } = checkpoint
      const result = range === undefined || size === sizeBefore ? 'unchanged' : 'copied'
      if (result === 'copied')
        this.#follow.say(
          `${size} entries, consistent with ${sizeBefore === undefined ? 'nothing before' : `the ${sizeBefore} before`}`,
        )
      return await this.#count(result, { held: range?.to, seen: size })
    } catch (error) {
      if (this.#follow.signal.aborted && !(error instanceof Contradiction)) return undefined
      const result = resultOf(error)
      if (result === undefined) throw error
      // what the log does matters more than what becomes of the metrics
      const uncounted = await this.#count(result)
      if (uncounted !== undefined) this.#say(uncounted.error)
      return { result, error }
    }
  }

  async #count(result: RoundResult, sizes?: { held: number | undefined; seen: number }): Promise<Failed | undefined> {
    try {
      await this.#metrics.round(result, new Date(), sizes)
      return undefined
    } catch (error) {
      if (!(error instanceof MetricsUnwritten)) throw error
      return { result: 'unwritable', error }
    }
  }

  #say(error: unknown): void {
    this.#follow.say(error instanceof Error ? error.message : String(error))
  }

  async #copy(): Promise<Copied> {
    const { target, log, key, signal, onAgain } = this.#follow
    this.#source ??= await openSource(target, { key, origin: log.name, signal, onAgain })
    const source = this.#source
    const before = readingsOf(source)
    const copied = await this.#copyFrom(source, ({ size }) => !this.#isOwnReading(size))
    const readings = readingsOf(source) - before
    if (copied.range === undefined) return copied
    if (readings === 0) return this.#noted(copied, 0)
    // the record of this reading is an entry, too. The same token reads it without another, so the mirror lacks nothing of the log
    const again = await this.#copyFrom(source, () => true)
    const whole = { ...again, range: again.range ?? copied.range, sizeBefore: copied.sizeBefore }
    return this.#noted(whole, again.checkpoint.size > copied.checkpoint.size ? 0 : readings)
  }

  #noted(copied: Copied, readings: number): Copied {
    this.#copied = { size: copied.checkpoint.size, at: performance.now(), readings }
    return copied
  }

  #copyFrom(source: LogSource, isWorthCopying: (checkpoint: { readonly size: number }) => boolean): Promise<Copied> {
    return copyLog({
      ...this.#follow,
      lock: this.#lock,
      source,
      now: new Date(),
      seen: this.#seen,
      isWorthCopying,
    })
  }

  #isOwnReading(size: number): boolean {
    if (this.#copied === undefined || performance.now() - this.#copied.at > ownReadingsWaitMs) return false
    const grown = size - this.#copied.size
    return grown > 0 && grown <= this.#copied.readings
  }
}

async function openFolder(folder: string, log: NoteVerifier, lock: FolderLock): Promise<SeenCheckpoints> {
  try {
    await makeFolder(folder)
    // a full disk is the rounds' affair: they say so, and try it again
    await failureOf(folder, lock.take())
    return await SeenCheckpoints.open(folder, log)
  } catch (error) {
    throw folderFailed(folder, error)
  }
}

function resultOf(error: unknown): RoundResult | undefined {
  if (error instanceof Contradiction) return 'alarm'
  if (error instanceof NotOfThisLog) return 'unverifiable'
  if (error instanceof SourceBehind) return 'behind'
  if (error instanceof FolderFailed) return 'unwritable'
  return error instanceof SourceFailed ? 'away' : undefined
}

function readingsOf(source: LogSource): number {
  return 'readings' in source && typeof source.readings === 'number' ? source.readings : 0
}
