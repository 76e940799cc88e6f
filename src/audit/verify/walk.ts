import { hashBytes, leafHash } from '../../log/merkle.ts'
import { tileWidth } from '../../log/right-edge.ts'
import type { Fetched, FilesUnderAudit } from './files-under-audit.ts'
import type { Findings } from './finding.ts'
import type { Handover, UnderWay } from './handover.ts'
import type { Spill } from './spill.ts'
import type { Tally } from './tally.ts'
import type { TreeCheck } from './tree-check.ts'
import type { Verdict } from './verdict.ts'
import type { VisitCheck } from './visit-check.ts'

/** Bundles and tiles that are asked for before they are needed. */
const maxAhead = 6
/** Missing one after another: what follows will be missing, too. */
const maxMissing = 16

/** Stopped by whoever asked; the work is kept where there is a state file. */
export class VerifyStopped extends Error {
  override readonly name = 'VerifyStopped'
}

export interface WalkMeans {
  readonly files: FilesUnderAudit
  readonly handover: Handover
  /** bundles that are with the judges at once */
  readonly depth: number
  readonly tree: TreeCheck
  readonly visit: VisitCheck
  readonly tally: Tally
  readonly spill: Spill
  readonly findings: Findings
}

export interface WalkOptions {
  readonly signal?: AbortSignal | undefined
  /** after each bundle */
  readonly onStep: () => Promise<void>
}

/** Goes through the log bundle after bundle: reads ahead, has them judged at once, takes in the verdicts in the order of the log. */
export class Walk {
  readonly #means: WalkMeans
  readonly #underWay: UnderWay[] = []
  #done: number

  /** @param done bundles that an earlier run was through with */
  constructor(means: WalkMeans, done: number) {
    this.#means = means
    this.#done = done
  }

  /** Bundles whose verdict is taken in. */
  get done(): number {
    return this.#done
  }

  /** @throws {VerifyStopped}, {SourceFailed} */
  async to(size: number, { signal, onStep }: WalkOptions): Promise<void> {
    const { files, handover, depth } = this.#means
    const bundles = Math.ceil(size / tileWidth)
    const ahead: Promise<Fetched>[] = []
    let next = this.#done
    while (handover.missing < maxMissing) {
      while (next < bundles && ahead.length < maxAhead) ahead.push(quietly(files.fetch(next++, size)))
      const fetching = ahead.shift()
      if (fetching === undefined) break
      this.#underWay.push(await handover.hand(await fetching))
      await this.settle(depth)
      await onStep()
      if (!signal?.aborted) continue
      await this.settle(0)
      throw new VerifyStopped('the verification was stopped')
    }
    await Promise.allSettled(ahead)
    await this.settle(0)
  }

  /** Takes in verdicts in the order of the log, until so few are under way. */
  async settle(underWay: number): Promise<void> {
    while (this.#underWay.length > underWay) {
      const [oldest] = this.#underWay
      if (oldest === undefined) return
      const verdict = await oldest.verdict
      this.#underWay.shift()
      this.#means.findings.addAll(oldest.findings)
      await this.#take(oldest.fetched, verdict)
    }
  }

  /** When no judge is at work any more, whatever came of it. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay.map(({ verdict }) => verdict))
  }

  async #take({ n, width, tile }: Fetched, verdict: Verdict | undefined): Promise<void> {
    const { tree, visit, tally, spill, findings } = this.#means
    if (verdict !== undefined) {
      const between = tally.add(n * tileWidth, verdict)
      if (between !== undefined) findings.add(between)
      findings.addAll(verdict.findings)
      await spill.add(verdict.traces)
    }
    const leaves = verdict === undefined ? leavesOfTile(tile, width) : Buffer.from(verdict.leaves)
    visit.pass(n, leaves, tree)
    await tree.add(leaves, verdict?.root === undefined ? undefined : Buffer.from(verdict.root))
    this.#done = n + 1
  }
}

/** Where the entries can't be had, the tile may still tell their hashes. */
function leavesOfTile(tile: Buffer | string, width: number): Buffer {
  return typeof tile === 'string' || tile.length !== width * hashBytes ? Buffer.concat(new Array(width).fill(leafHash(''))) : tile
}

/** What fails while nobody waits for it is seen when it is waited for. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
