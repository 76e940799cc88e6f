import type { Checkpoint } from '../log/checkpoint.ts'
import { hashBytes } from '../log/merkle.ts'
import { subtreeRoot, tileWidth } from '../log/right-edge.ts'
import { widthOf } from '../log/tile.ts'
import { rootFromTiles, type TileReader } from '../log/tile-proofs.ts'

/** What the source hands out does not belong to the checkpoint that it shows. */
export class NotOfThisLog extends Error {
  override readonly name = 'NotOfThisLog'
}

/** Tiles above level 0 are few and asked for again and again; a million entries have sixteen of them. */
const maxKept = 1024

/**
 * Tiles that are known to belong to a checkpoint: the partial ones along the right side make up its root, and each full one hashes to
 * what stands for it one level up. So the first tile that was changed is noticed, before anything is made of it.
 */
export class AuthenticTiles {
  readonly size: number
  readonly #source: TileReader
  readonly #kept = new Map<string, Promise<Buffer>>()
  readonly #edge = new Map<string, Buffer>()

  private constructor(size: number, source: TileReader) {
    this.size = size
    this.#source = source
  }

  /**
   * @throws {NotOfThisLog} when the tiles along the right side have another root
   * @throws {SourceFailed}
   */
  static async open({ size, root }: Checkpoint, source: TileReader): Promise<AuthenticTiles> {
    const tiles = new AuthenticTiles(size, source)
    const computed = await rootFromTiles(size, async (level, n, width) => {
      const tile = await source(level, n, width)
      requireWidth(tile, level, n, width)
      tiles.#edge.set(`${level}/${n}`, tile)
      return tile
    })
    if (!computed.equals(root))
      throw new NotOfThisLog(`the tiles along the right side do not have the root that the checkpoint of ${size} entries signs`)
    return tiles
  }

  /**
   * As many hashes of a tile as are asked for, at most those that it has in the tree.
   *
   * @throws {NotOfThisLog}
   * @throws {SourceFailed}
   */
  async read(level: number, n: number, width: number = widthOf(level, n, this.size)): Promise<Buffer> {
    const inTree = widthOf(level, n, this.size)
    if (width > inTree) throw new Error(`tile ${level}/${n} has ${inTree} hashes in a tree of ${this.size} entries, not ${width}`)
    const tile = this.#edge.get(`${level}/${n}`) ?? (await this.#full(level, n))
    return tile.subarray(0, width * hashBytes)
  }

  /** For the functions that read tiles. */
  readonly reader: TileReader = (level, n, width) => this.read(level, n, width)

  #full(level: number, n: number): Promise<Buffer> {
    if (level === 0) return this.#checked(level, n)
    const name = `${level}/${n}`
    const known = this.#kept.get(name)
    if (known !== undefined) return known
    const reading = this.#checked(level, n)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= maxKept && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(name, reading)
    // a source that was away may be back
    reading.catch(() => this.#kept.delete(name))
    return reading
  }

  async #checked(level: number, n: number): Promise<Buffer> {
    const parent = await this.read(level + 1, Math.floor(n / tileWidth))
    const tile = await this.#source(level, n, tileWidth)
    requireWidth(tile, level, n, tileWidth)
    const place = (n % tileWidth) * hashBytes
    if (!subtreeRoot(tile, 0, tileWidth).equals(parent.subarray(place, place + hashBytes)))
      throw new NotOfThisLog(`tile ${level}/${n} does not hash to what stands for it on level ${level + 1}`)
    return tile
  }
}

function requireWidth(tile: Buffer, level: number, n: number, width: number): void {
  if (tile.length !== width * hashBytes)
    throw new NotOfThisLog(`tile ${level}/${n} has ${tile.length} bytes, not ${width * hashBytes}`)
}
