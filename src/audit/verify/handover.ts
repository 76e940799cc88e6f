import { hashBytes } from '../../log/merkle.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { decodeBundle } from '../../log/tile.ts'
import { segmentOf, segmentPath, segmentStart } from '../export/index-segment.ts'
import { BundleTypes } from './bundle-types.ts'
import type { Crew } from './crew.ts'
import type { Fetched, FilesUnderAudit } from './files-under-audit.ts'
import type { Finding } from './finding.ts'
import type { Timeline } from './timeline.ts'
import type { Verdict } from './verdict.ts'
import type { Work } from './work-file.ts'

/** A bundle that a judge has, or that there is nothing to judge of. */
export interface UnderWay {
  readonly fetched: Fetched
  readonly verdict: Promise<Verdict> | undefined
  readonly findings: readonly Finding[]
}

export interface HandoverMeans {
  readonly files: FilesUnderAudit
  readonly crew: Crew
  /** keys and rules are known only to who has read the log from its beginning */
  readonly withRules: boolean
  /**
   * makes the timeline, whose findings count when the bundle does in which they were made
   *
   * @param typesHere those of the events that stand before the entry that is being looked at, in its own bundle
   */
  timeline(found: (finding: Finding) => void, typesHere: () => ReadonlySet<string>): Timeline
}

/** Hands bundles to judges, each after what it says about keys and rules was looked at. */
export class Handover {
  readonly timeline: Timeline
  readonly #means: HandoverMeans
  #changes: Work['changes'] = []
  #found: Finding[] = []
  #typesHere: () => ReadonlySet<string> = () => new Set()
  #missing = 0

  constructor(means: HandoverMeans) {
    this.#means = means
    this.timeline = means.timeline(
      (finding) => this.#found.push(finding),
      () => this.#typesHere(),
    )
  }

  get changes(): Work['changes'] {
    return this.#changes
  }

  /** Bundles without a file of theirs, one after another. */
  get missing(): number {
    return this.#missing
  }

  /** Takes changes that an earlier run has verified. */
  async again(changes: Work['changes']): Promise<void> {
    for (const { change, jti } of changes) await this.timeline.again(change, jti)
    this.#changes = changes
    this.#means.crew.tell(changes.map(({ change }) => change))
  }

  async hand(fetched: Fetched): Promise<UnderWay> {
    this.#found = []
    const { n, width, bundle } = fetched
    const tile = this.#goodTile(fetched)
    const names = this.#goodNames(fetched)
    const entries = this.#entriesOf(fetched)
    if (entries === undefined || bundle === undefined || typeof bundle === 'string') {
      if (bundle === undefined) this.#missing = tile === undefined ? this.#missing + 1 : 0
      return { fetched: { ...fetched, tile: tile ?? '' }, verdict: undefined, findings: this.#found }
    }
    this.#missing = 0
    const { crew, withRules } = this.#means
    const changes = withRules ? await this.#changesOf(n * tileWidth, entries) : []
    const told = changes.map(({ change }) => change)
    const verdict = crew.judge({ n, width, bundle, tile, names, changes: told, withRules })
    // what fails before anybody waits for it is seen when it is waited for
    verdict.catch(() => undefined)
    this.#changes = [...this.#changes, ...changes]
    if (told.length > 0) crew.tell(told, { afterJob: true })
    return { fetched, verdict, findings: this.#found }
  }

  #goodTile({ n, width, tile }: Fetched): Buffer | undefined {
    const finding = tileFinding(0, n, width, tile)
    if (finding !== undefined) this.#found.push(finding)
    return finding === undefined && typeof tile !== 'string' ? tile : undefined
  }

  /** What is wrong with a segment of the index is said with the first bundle that it covers. */
  #goodNames({ n, names }: Fetched): Uint8Array | undefined {
    if (typeof names !== 'string') return names
    const index = n * tileWidth
    if (segmentStart(index) === index)
      this.#found.push({ code: 'index', index, cause: `${segmentPath(segmentOf(index))} is no good: ${names}` })
    return undefined
  }

  #entriesOf({ n, width, bundle }: Fetched): Buffer[] | undefined {
    const index = n * tileWidth
    if (bundle === undefined) return undefined
    if (typeof bundle === 'string') {
      this.#missing++
      this.#found.push({ code: 'missing', index, cause: `entries ${index} to ${index + width - 1}: ${bundle}` })
      return undefined
    }
    try {
      return decodeBundle(bundle, width)
    } catch (error) {
      this.#found.push({ code: 'framing', index, cause: error instanceof Error ? error.message : String(error) })
      return undefined
    }
  }

  async #changesOf(first: number, entries: readonly Buffer[]): Promise<Work['changes']> {
    const changes: Work['changes'][number][] = []
    const types = new BundleTypes(entries)
    for (const [place, entry] of entries.entries()) {
      const index = first + place
      if (index > 1 && !mayChangeRules(entry)) continue
      this.#typesHere = () => types.before(place)
      const taken = await this.#take(index, entry)
      if (taken === undefined) continue
      const { change, request } = taken
      changes.push(request === undefined ? { change } : { change, jti: request.jti })
    }
    return changes
  }

  async #take(index: number, entry: Buffer) {
    try {
      return await this.timeline.take(index, entry)
    } catch (error) {
      if (!this.#means.files.isFinding(error)) throw error
      this.#found.push({ code: 'catalogue', index, cause: `a file that it names is not there: ${error.message}` })
      return undefined
    }
  }
}

/** Whether an entry may be a key or a catalogue: in the one form of either, the tenth byte tells. */
function mayChangeRules(entry: Buffer): boolean {
  const kind = entry[9]
  return kind === 0x6b || kind === 0x63
}

/** What is wrong with a tile at first sight. */
export function tileFinding(level: number, n: number, width: number, tile: Buffer | string): Finding | undefined {
  const index = n * tileWidth ** (level + 1)
  if (typeof tile === 'string') return { code: 'missing', index, cause: `tile ${level}/${n}: ${tile}` }
  if (tile.length === width * hashBytes) return undefined
  const cause = `tile ${level}/${n} has ${tile.length} bytes; ${width} hashes make ${width * hashBytes}`
  return { code: 'tile-length', index, cause }
}
