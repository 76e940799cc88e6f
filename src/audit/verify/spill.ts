import { appendFile, mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Verdict } from './judge.ts'

/** Text that waits to be written, over all partitions: what keeps memory from growing with the log. */
const maxWaitingChars = 4 * 1024 * 1024

/** Files that traces are sorted into by what they have to be compared with. */
export class Spill {
  readonly #dir: string
  readonly #sizes: number[]
  readonly #waiting: string[]
  #waitingChars = 0

  private constructor(dir: string, sizes: readonly number[]) {
    this.#dir = dir
    this.#sizes = [...sizes]
    this.#waiting = sizes.map(() => '')
  }

  /** @param sizes bytes that count in each file; what a killed run wrote after them is cut off */
  static async open(dir: string, sizes: readonly number[]): Promise<Spill> {
    await mkdir(dir, { recursive: true })
    for (const [place, size] of sizes.entries()) {
      const file = fileOf(dir, place)
      if (size === 0) await writeFile(file, '')
      else await truncate(file, size)
    }
    return new Spill(dir, sizes)
  }

  get sizes(): readonly number[] {
    return this.#sizes
  }

  fileOf(place: number): string {
    return fileOf(this.#dir, place)
  }

  async add({ places, lines }: Verdict): Promise<void> {
    for (const [i, line] of lines.entries()) {
      const place = places[i] ?? 0
      this.#waiting[place] += `${line}\n`
      this.#waitingChars += line.length + 1
    }
    if (this.#waitingChars > maxWaitingChars) await this.flush()
  }

  async flush(): Promise<void> {
    for (const [place, text] of this.#waiting.entries()) {
      if (text === '') continue
      await appendFile(fileOf(this.#dir, place), text)
      this.#sizes[place] = (this.#sizes[place] ?? 0) + Buffer.byteLength(text)
      this.#waiting[place] = ''
    }
    this.#waitingChars = 0
  }
}

const fileOf = (dir: string, place: number) => join(dir, `trace-${String(place).padStart(4, '0')}`)
