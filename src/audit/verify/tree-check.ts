import { hashBytes } from '../../log/merkle.ts'
import { rightEdge, rootOfEdge, subtreeRoot, tileWidth } from '../../log/right-edge.ts'
import type { Finding } from './finding.ts'

/** Reads a tile of this width; undefined when it said itself what was wrong with it. */
export type TileAsk = (level: number, n: number, width: number) => Promise<Buffer | undefined>

/** Builds the tree over leaf hashes as they come, and holds every tile above level 0 against it. */
export class TreeCheck {
  readonly #ask: TileAsk
  readonly #found: (finding: Finding) => void
  /** hashes of the unfinished tile of each level, joined */
  readonly #levels: Buffer[]
  #size: number

  constructor(ask: TileAsk, found: (finding: Finding) => void, { size, levels }: { size: number; levels: readonly Buffer[] }) {
    this.#ask = ask
    this.#found = found
    this.#levels = [...levels]
    this.#size = size
  }

  get size(): number {
    return this.#size
  }

  get levels(): readonly Buffer[] {
    return this.#levels
  }

  /** @param leaves hashes of one bundle; @param root of a full one, when it is known already */
  async add(leaves: Buffer, root?: Buffer): Promise<void> {
    const width = leaves.length / hashBytes
    if (width < tileWidth) {
      this.#levels[0] = leaves
      this.#size += width
      return
    }
    this.#levels[0] = Buffer.alloc(0)
    this.#size += tileWidth
    await this.#push(1, root ?? subtreeRoot(leaves, 0, tileWidth))
  }

  /** The root of the tree that ends after so many of the next bundle's leaves. */
  rootWith(leaves: Buffer): Buffer {
    const size = this.#size + leaves.length / hashBytes
    return rootOfEdge(rightEdge(size, [leaves, ...this.#levels.slice(1)]))
  }

  /** Compares the unfinished tiles. @returns the root */
  async finish(): Promise<Buffer> {
    for (const [level, hashes] of this.#levels.entries()) {
      if (level > 0 && hashes.length > 0) await this.#compare(level, hashes)
    }
    return rootOfEdge(rightEdge(this.#size, this.#levels))
  }

  async #push(level: number, hash: Buffer): Promise<void> {
    const hashes = Buffer.concat([this.#levels[level] ?? Buffer.alloc(0), hash])
    if (hashes.length < tileWidth * hashBytes) {
      this.#levels[level] = hashes
      return
    }
    await this.#compare(level, hashes)
    this.#levels[level] = Buffer.alloc(0)
    await this.#push(level + 1, subtreeRoot(hashes, 0, tileWidth))
  }

  async #compare(level: number, hashes: Buffer): Promise<void> {
    const perTile = tileWidth ** (level + 1)
    const n = Math.floor((this.#size - 1) / perTile)
    const width = hashes.length / hashBytes
    const tile = await this.#ask(level, n, width)
    if (tile === undefined || tile.equals(hashes)) return
    for (let at = 0; at < hashes.length; at += hashBytes) {
      if (hashes.subarray(at, at + hashBytes).equals(tile.subarray(at, at + hashBytes))) continue
      const place = at / hashBytes
      const index = n * perTile + place * tileWidth ** level
      this.#found({ code: 'tile-hash', index, cause: `hash ${place} of tile ${level}/${n} is not that of the tile below it` })
    }
  }
}
