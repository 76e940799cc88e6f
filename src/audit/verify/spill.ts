import { appendFile, mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SortedTraces } from './trace.ts'

/** Traces that wait to be written, over all partitions: what keeps memory from growing with the log. */
const maxWaitingBytes = 4 * 1024 * 1024

/** Files that traces are sorted into by what they have to be compared with. */
export class Spill {
  readonly #dir: string
  readonly #sizes: number[]
  readonly #waiting: Uint8Array[][]
  #waitingBytes = 0

  private constructor(dir: string, sizes: readonly number[]) {
    this.#dir = dir
    this.#sizes = [...sizes]
    this.#waiting = sizes.map(() => [])
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

  async add({ places, ends, bytes }: SortedTraces): Promise<void> {
    for (const [i, place] of places.entries()) this.#waiting[place]?.push(bytes.subarray(ends[i - 1] ?? 0, ends[i]))
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > maxWaitingBytes) await this.flush()
  }

  async flush(): Promise<void> {
    for (const [place, parts] of this.#waiting.entries()) {
      if (parts.length === 0) continue
      const bytes = Buffer.concat(parts)
      await appendFile(fileOf(this.#dir, place), bytes)
      this.#sizes[place] = (this.#sizes[place] ?? 0) + bytes.length
      this.#waiting[place] = []
    }
    this.#waitingBytes = 0
  }
}

const fileOf = (dir: string, place: number) => join(dir, `trace-${String(place).padStart(4, '0')}`)
