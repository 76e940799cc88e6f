import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { LogKey } from '../../src/log/log-key.ts'
import { leafHash } from '../../src/log/merkle.ts'
import { emptyEdge, extend, type RightEdge, rootOfEdge } from '../../src/log/right-edge.ts'
import { encodeBundle, tilePath } from '../../src/log/tile.ts'

/**
 * Writes a log's static files as an export has them: bundles, tiles and a signed checkpoint. What stands in the entries is
 * the caller's affair, so it serves for bad logs as well. Memory does not grow with the log.
 */
export class LogWriter {
  readonly #dir: string
  readonly #key: LogKey
  #edge: RightEdge = emptyEdge
  #waiting: (string | Uint8Array)[] = []

  constructor(dir: string, key: LogKey) {
    this.#dir = dir
    this.#key = key
  }

  get size(): number {
    return this.#edge.size + this.#waiting.length
  }

  async append(entry: string | Uint8Array): Promise<void> {
    this.#waiting.push(entry)
    if (this.#waiting.length === 256) await this.#flush()
  }

  async blob(digest: string, content: string): Promise<void> {
    await this.#write(`blob/${digest}`, content)
  }

  /** Writes what is unfinished, the checkpoint and the manifest. @returns the checkpoint */
  async close(): Promise<string> {
    await this.#flush()
    const { size, tiles } = this.#edge
    for (const [level, hashes] of tiles.entries()) {
      const n = Math.floor(size / 256 ** (level + 1))
      if (hashes.length > 0) await this.#write(tilePath({ level, n, width: hashes.length / 32 }), hashes)
    }
    const checkpoint = this.#key.signCheckpoint(size, rootOfEdge(this.#edge))
    await this.#write('checkpoint', checkpoint)
    await this.#write('vkey', `${this.#key.vkey}\n`)
    const { origin } = this.#key
    const manifest = { format: 'lianban-export@1', origin, from: 0, to: size, size, exportedAt: '2026-11-23T00:00:00.000Z' }
    await this.#write('manifest.json', JSON.stringify(manifest))
    return checkpoint
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return
    const entries = this.#waiting
    this.#waiting = []
    const n = Math.floor(this.#edge.size / 256)
    await this.#write(tilePath({ level: 'entries', n, width: entries.length }), encodeBundle(entries))
    const { edge, fullTiles } = extend(this.#edge, entries.map(leafHash))
    this.#edge = edge
    for (const { level, n: place, hashes } of fullTiles) await this.#write(tilePath({ level, n: place, width: 256 }), hashes)
  }

  async #write(path: string, content: string | Uint8Array): Promise<void> {
    const file = join(this.#dir, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
  }
}
