import { type FileHandle, open, rm } from 'node:fs/promises'
import { maxEntryBytes } from '../log/entry.ts'
import { leafHash } from '../log/merkle.ts'

/** A few hundred bytes of memory each. */
export const maxLostEntries = 3_000_000

interface Place {
  readonly at: number
  readonly sizeBytes: number
  readonly leaf: Buffer
  readonly proven: boolean
}

/** Entries of the lost range that some source had. Their bytes wait in a file: there may be more of them than memory. */
export class FoundEntries {
  /** inclusive */
  readonly from: number
  /** exclusive */
  readonly to: number
  readonly #file: string
  readonly #handle: FileHandle
  readonly #places = new Map<number, Place>()
  /** of entries that a mirror knows without their bytes, or whose bytes it has */
  readonly #leaves = new Map<number, Buffer>()
  readonly #disputed = new Set<number>()
  #sizeBytes = 0
  #beyond: number | undefined

  private constructor(from: number, to: number, file: string, handle: FileHandle) {
    this.from = from
    this.to = to
    this.#file = file
    this.#handle = handle
  }

  /**
   * @param range at most {@link maxLostEntries}
   * @param file is made, and removed by close()
   */
  static async open(range: { readonly from: number; readonly to: number }, file: string): Promise<FoundEntries> {
    return new FoundEntries(range.from, range.to, file, await open(file, 'w+', 0o600))
  }

  /** Notes the leaf hash that the log's signature gives an index: whatever comes for it must have that. */
  know(index: number, leaf: Buffer): void {
    if (this.#isLost(index)) this.#leaves.set(index, leaf)
  }

  /**
   * Takes an entry that a source has.
   *
   * @param proven whether the log's signature on this very entry was verified; what is not waits for the proof of its whole range
   * @returns `refused` when the log's signature says that another entry stands there
   */
  async take(index: number, entry: Buffer, proven: boolean): Promise<'taken' | 'known' | 'refused' | 'elsewhere'> {
    if (index >= this.to) this.#beyond = Math.max(this.#beyond ?? index, index)
    if (!this.#isLost(index)) return 'elsewhere'
    if (entry.length > maxEntryBytes) return 'refused'
    const leaf = leafHash(entry)
    const leafKnown = this.#leaves.get(index)
    if (leafKnown !== undefined && !leafKnown.equals(leaf)) return 'refused'
    const isProven = proven || leafKnown !== undefined
    const before = this.#places.get(index)
    if (before?.leaf.equals(leaf)) {
      if (isProven) this.#places.set(index, { ...before, proven: true })
      return 'known'
    }
    if (before?.proven) return 'refused'
    if (before !== undefined && !isProven) {
      this.#disputed.add(index)
      return 'refused'
    }
    this.#disputed.delete(index)
    const at = this.#sizeBytes
    await this.#handle.write(entry, 0, entry.length, at)
    this.#sizeBytes += entry.length
    this.#places.set(index, { at, sizeBytes: entry.length, leaf, proven: isProven })
    return 'taken'
  }

  leaf(index: number): Buffer | undefined {
    return this.#places.get(index)?.leaf
  }

  isProven(index: number): boolean {
    return this.#places.get(index)?.proven === true
  }

  /** Everything below was proved together. */
  provedUpTo(size: number): void {
    for (const [index, place] of this.#places) if (index < size) this.#places.set(index, { ...place, proven: true })
  }

  async read(index: number): Promise<Buffer> {
    const place = this.#places.get(index)
    if (place === undefined) throw new Error(`entry ${index} was not found`)
    const bytes = Buffer.alloc(place.sizeBytes)
    await this.#handle.read(bytes, 0, bytes.length, place.at)
    return bytes
  }

  /** Two sources have different entries there, and nothing proves either. */
  get disputed(): readonly number[] {
    return [...this.#disputed].sort((a, b) => a - b)
  }

  /** The largest index that a source claims though no checkpoint covers it. */
  get beyond(): number | undefined {
    return this.#beyond
  }

  /** Of the range: what no source has, and what one has that nothing proves. */
  missing(): { readonly absent: readonly Stretch[]; readonly unproven: readonly Stretch[] } {
    return {
      absent: this.#stretches((index) => !this.#places.has(index)),
      unproven: this.#stretches((index) => this.#places.get(index)?.proven === false),
    }
  }

  /** Indexes with a proven entry, in order. */
  *proven(): Generator<number> {
    for (let index = this.from; index < this.to; index++) if (this.isProven(index)) yield index
  }

  async close(): Promise<void> {
    await this.#handle.close()
    await rm(this.#file, { force: true })
  }

  #stretches(is: (index: number) => boolean): readonly Stretch[] {
    const stretches: { from: number; to: number }[] = []
    for (let index = this.from; index < this.to; index++) {
      if (!is(index)) continue
      const last = stretches.at(-1)
      if (last?.to === index - 1) last.to = index
      else stretches.push({ from: index, to: index })
    }
    return stretches
  }

  #isLost(index: number): boolean {
    return index >= this.from && index < this.to
  }
}

/** Indexes, both ends inclusive. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

export function stretchesText(stretches: readonly Stretch[]): string {
  const shown = stretches.slice(0, 20).map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`))
  return `${shown.join(', ')}${stretches.length > 20 ? ` and ${stretches.length - 20} more stretches` : ''}`
}
