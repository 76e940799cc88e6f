import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tileWidth } from '../../log/right-edge.ts'
import type { RulesChange } from './change.ts'
import type { FindingsSnapshot } from './finding.ts'
import type { Spread } from './trace.ts'

const format = 'lianban-audit-work@2'

/** Everything that is known after so many bundles, but for the traces beside it. */
export interface Work {
  readonly format: typeof format
  /** what has to be the same for the work to go on */
  readonly task: string
  /** full bundles that are done */
  readonly bundles: number
  /** hashes of the unfinished tile of each level, base64 */
  readonly levels: readonly string[]
  readonly lastReceived: string | undefined
  readonly changes: readonly { readonly change: RulesChange; readonly jti?: string }[]
  readonly findings: FindingsSnapshot
  readonly days: Readonly<Record<string, number>>
  readonly types: Readonly<Record<string, number>>
  readonly spread: Spread
  /** bytes of each trace file that count */
  readonly traceBytes: readonly number[]
  /** milliseconds spent so far */
  readonly spentMs: number
  /** the tree at the last visit's size was compared already */
  readonly visitChecked: boolean
}

/** A folder that a run leaves behind when it is stopped, and the next one goes on from. */
export class WorkFolder {
  readonly path: string
  #changes: Work['changes'] = []
  #written = -1

  constructor(path: string) {
    this.path = path
  }

  /** @returns undefined when there is nothing to go on from: no work, another task's, or half-written */
  async read(task: string): Promise<Work | undefined> {
    try {
      const work: Omit<Work, 'changes'> = JSON.parse(await readFile(join(this.path, 'work.json'), 'utf8'))
      if (work.format !== format || work.task !== task) return undefined
      const changes: Work['changes'] = JSON.parse(await readFile(join(this.path, 'changes.json'), 'utf8'))
      return { ...work, changes: changes.filter(({ change }) => change.index < work.bundles * tileWidth) }
    } catch {
      return undefined // whatever it is, beginning anew is right
    }
  }

  /** The task whose work lies here; undefined where there is none that could be gone on with. */
  async task(): Promise<string | undefined> {
    try {
      const work: Pick<Work, 'format' | 'task'> = JSON.parse(await readFile(join(this.path, 'work.json'), 'utf8'))
      return work.format === format ? work.task : undefined
    } catch {
      return undefined // nobody could go on with it
    }
  }

  /** The traces must be on disk before. Safe to be killed at any moment: the old file or the new one is there. */
  async write(work: Omit<Work, 'format'>): Promise<void> {
    const { changes, ...rest } = work
    // catalogues are long and seldom change
    if (this.#written !== changes.length) {
      this.#changes = changes
      await this.#replace('changes.json', JSON.stringify(this.#changes))
      this.#written = changes.length
    }
    await this.#replace('work.json', JSON.stringify({ format, ...rest }))
  }

  async create(): Promise<void> {
    await mkdir(this.path, { recursive: true })
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }

  async #replace(name: string, text: string): Promise<void> {
    const file = join(this.path, name)
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
}
