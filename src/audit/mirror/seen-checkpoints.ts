import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { isJsonObject } from '../../domain/text.ts'
import { openCheckpoint } from '../../log/checkpoint.ts'
import type { NoteVerifier } from '../../log/note.ts'
import type { SeenCheckpoint } from '../contradiction.ts'

/** Every checkpoint that a mirror ever saw, a JSON object a line, only ever appended to. */
export const seenName = 'checkpoints.jsonl'

/** A note has at most 64 KiB, in JSON somewhat more: the last line is in here. */
const tailBytes = 256 * 1024

export class SeenCheckpoints {
  readonly #file: string
  #longest: SeenCheckpoint | undefined
  #last: SeenCheckpoint | undefined

  /** the file ends within a line, as a crash or a full disk leaves it */
  #isCutOff: boolean

  private constructor(file: string, last: SeenCheckpoint | undefined, isCutOff: boolean) {
    this.#file = file
    this.#isCutOff = isCutOff
    this.#longest = last
    this.#last = last
  }

  /** @param folder of the mirror, which is there */
  static async open(folder: string, log: NoteVerifier): Promise<SeenCheckpoints> {
    const file = join(folder, seenName)
    const handle = await open(file, 'a+', 0o644)
    try {
      const { size } = await handle.stat()
      const tail = Buffer.alloc(Math.min(size, tailBytes))
      await handle.read(tail, 0, tail.length, size - tail.length)
      const seen = tail
        .toString('utf8')
        .split('\n')
        .flatMap((line) => readLine(line, log))
      return new SeenCheckpoints(file, seen.toSorted((a, b) => a.size - b.size).at(-1), tail.length > 0 && tail.at(-1) !== 0x0a)
    } finally {
      await handle.close()
    }
  }

  /** The longest log that was ever seen: whatever comes must extend it. */
  get longest(): SeenCheckpoint | undefined {
    return this.#longest
  }

  /** Durable when it returns. The same again is written once. */
  async keep(seen: SeenCheckpoint, now: Date): Promise<void> {
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

  /** What was seen extends everything before it. */
  accept(seen: SeenCheckpoint): void {
    if (this.#longest === undefined || seen.size >= this.#longest.size) this.#longest = seen
  }
}

/** Only what the log's key signed counts. */
function readLine(line: string, log: NoteVerifier): SeenCheckpoint[] {
  try {
    const value: unknown = JSON.parse(line)
    if (!isJsonObject(value) || typeof value.note !== 'string') return []
    return [{ ...openCheckpoint(value.note, log), note: value.note }]
  } catch {
    // the first line of the tail, or one cut off by a crash
    return []
  }
}
