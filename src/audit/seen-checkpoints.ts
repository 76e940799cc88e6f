import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { isJsonObject } from '../domain/text.ts'
import { openCheckpoint } from '../log/checkpoint.ts'
import type { NoteVerifier } from '../log/note.ts'
import type { SeenCheckpoint } from './contradiction.ts'

/** Every checkpoint that a mirror ever saw, or an export into its folder, a JSON object a line, only ever appended to. */
export const seenName = 'checkpoints.jsonl'

/**
 * How many of them are held against what comes: the longest. More than these were only seen where copying has failed as often, and a
 * later one is held against each of them.
 */
const maxHeld = 100

export class SeenCheckpoints {
  readonly #file: string
  #held: readonly SeenCheckpoint[]
  #last: SeenCheckpoint | undefined
  /** the file ends within a line, as a crash or a full disk leaves it */
  #isCutOff: boolean

  private constructor(file: string, held: readonly SeenCheckpoint[], isCutOff: boolean) {
    this.#file = file
    this.#held = held
    this.#last = held.at(-1)
    this.#isCutOff = isCutOff
  }

  /** @param folder of the mirror, which is there */
  static async open(folder: string, log: NoteVerifier): Promise<SeenCheckpoints> {
    const file = join(folder, seenName)
    return SeenCheckpoints.#read(file, await open(file, 'a+', 0o644), log)
  }

  /** @returns undefined for a folder that no mirror was ever in */
  static async onFile(folder: string, log: NoteVerifier): Promise<SeenCheckpoints | undefined> {
    const file = join(folder, seenName)
    const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
      throw error
    })
    return handle && SeenCheckpoints.#read(file, handle, log)
  }

  static async #read(file: string, handle: FileHandle, log: NoteVerifier): Promise<SeenCheckpoints> {
    try {
      const { size } = await handle.stat()
      const end = Buffer.alloc(1)
      if (size > 0) await handle.read(end, 0, 1, size - 1)
      let held: readonly NoteOfSize[] = []
      for await (const line of handle.readLines({ start: 0, autoClose: false })) held = withLongest(held, notesIn(line))
      return new SeenCheckpoints(
        file,
        held.flatMap(({ note }) => signedBy(log, note)),
        size > 0 && end[0] !== 0x0a,
      )
    } finally {
      await handle.close()
    }
  }

  /** The longest log that was ever seen. */
  get longest(): SeenCheckpoint | undefined {
    return this.#held.at(-1)
  }

  /** The longest that were seen, by size: whatever comes must agree with them. */
  get held(): readonly SeenCheckpoint[] {
    return this.#held
  }

  /** Held from now on, and durable when it returns. The same again is written once. */
  async keep(seen: SeenCheckpoint, now: Date): Promise<void> {
    this.#held = withLongest(this.#held, [seen])
    if (this.#last?.note === seen.note) return
    const { size, root, note } = seen
    const line = `${JSON.stringify({ seen: now.toISOString(), size, root: root.toString('base64'), note })}\n`
    const handle = await open(this.#file, 'a', 0o644)
    try {
      const isCutOff = this.#isCutOff
      this.#isCutOff = true
      await handle.appendFile(isCutOff ? `\n${line}` : line)
      this.#isCutOff = false
      await handle.datasync()
    } finally {
      await handle.close()
    }
    this.#last = seen
  }
}

interface NoteOfSize {
  readonly size: number
  readonly note: string
}

/** By size, each once, and no more than are held. */
function withLongest<T extends NoteOfSize>(held: readonly T[], more: readonly T[]): readonly T[] {
  const fresh = more.filter(({ size, note }) => !held.some((each) => each.size === size && treeOf(each.note) === treeOf(note)))
  if (fresh.length === 0) return held
  return [...held, ...fresh].sort((a, b) => a.size - b.size).slice(-maxHeld)
}

/** What a note says without its signatures, of which witnesses add more and more. */
const treeOf = (note: string) => note.split('\n', 3).join('\n')

/** Whose size is read alone: there may be years of lines, and to check each signature would take minutes. */
function notesIn(line: string): NoteOfSize[] {
  try {
    const value: unknown = JSON.parse(line)
    if (!isJsonObject(value) || typeof value.note !== 'string') return []
    const size = Number(value.note.split('\n', 2)[1])
    return Number.isSafeInteger(size) ? [{ size, note: value.note }] : []
  } catch {
    // cut off by a crash
    return []
  }
}

/** Only what the log's key signed counts. */
function signedBy(log: NoteVerifier, note: string): SeenCheckpoint[] {
  try {
    return [{ ...openCheckpoint(note, log), note }]
  } catch {
    // of another log, or changed since
    return []
  }
}
