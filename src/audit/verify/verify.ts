import { randomInt } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Checkpoint } from '../../log/checkpoint.ts'
import type { Cosignature } from '../../log/cosignature.ts'
import { hashBytes, leafHash } from '../../log/merkle.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { decodeBundle, widthOf } from '../../log/tile.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import { type CheckpointRules, openTrustedCheckpoint } from '../trusted-checkpoint.ts'
import { compiledRules } from './compiled.ts'
import { type Crew, crewHere, crewOfThreads } from './crew.ts'
import { type Finding, Findings } from './finding.ts'
import { backwards, type Verdict } from './judge.ts'
import type { AuditReport } from './report.ts'
import { Spill } from './spill.ts'
import { type LastVisit, lockState, readState, writeState } from './state-file.ts'
import { Timeline } from './timeline.ts'
import type { Spread } from './trace.ts'
import { TreeCheck } from './tree-check.ts'
import { type Work, WorkFolder } from './work-file.ts'

export interface VerifyOptions extends CheckpointRules {
  readonly vkey: string
  /** thumbprint of the first operator's key */
  readonly operator?: string
  readonly stateFile?: string
  /** entries to check, `to` exclusive, for a copy that holds no others; tiles, root and checkpoint are always checked whole */
  readonly entries?: { readonly from: number; readonly to: number }
  /** 0 judges on the calling thread; default: one per core */
  readonly workers?: number
  /** called with entries done, now and then */
  readonly onProgress?: (entries: number, size: number, resumedFrom: number) => void
  readonly signal?: AbortSignal
}

/** Stopped by whoever asked; the work is kept where there is a state file. */
export class VerifyStopped extends Error {
  override readonly name = 'VerifyStopped'
}

/**
 * Checks everything a log says, by the log's public key alone.
 *
 * @throws {SourceFailed} the log could not be read to its end: nothing is known then; {StateInvalid}; {VerifyStopped}
 */
export async function verifyLog(source: LogSource, options: VerifyOptions): Promise<AuditReport> {
  const { stateFile } = options
  if (stateFile === undefined) return verifySince(undefined, source, options)
  const lock = await lockState(stateFile)
  try {
    return await verifySince(stateFile, source, options)
  } finally {
    await lock.release()
  }
}

async function verifySince(stateFile: string | undefined, source: LogSource, options: VerifyOptions): Promise<AuditReport> {
  const lastVisit = stateFile === undefined ? undefined : await readState(stateFile, options.log)
  const note = await source.checkpoint()
  const verification = new Verification(source, options, lastVisit)
  const checkpoint = verification.open(note)
  if (checkpoint === undefined) return verification.report(undefined)
  const report = await verification.run(checkpoint)
  if (stateFile !== undefined && !contradicts(report)) await writeState(stateFile, note, report.verifiedAt)
  return report
}

/** The last visit's checkpoint is kept as it is when the log has none that follows from it. */
function contradicts({ findings: { counts } }: AuditReport): boolean {
  return (['checkpoint', 'shrunk', 'fork', 'root', 'missing'] as const).some((code) => (counts[code] ?? 0) > 0)
}

const everything = { from: 0, to: Number.MAX_SAFE_INTEGER }
/** Bundles and tiles that are asked for before they are needed. */
const maxAhead = 6
const saveEveryMs = 500
/** Missing one after another: what follows will be missing, too. */
const maxMissing = 16
/** Days that are counted each for itself, in case times were made up; later ones are counted together. */
const maxDays = 20_000
/** Entries that should meet in one partition of traces. */
const entriesPerPartition = 16_384

interface Fetched {
  readonly n: number
  readonly width: number
  /** undefined where its entries were not asked for */
  readonly bundle: Buffer | string | undefined
  readonly tile: Buffer | string
}

interface UnderWay {
  readonly fetched: Fetched
  readonly verdict: Promise<Verdict> | undefined
  readonly findings: readonly Finding[]
}

class Verification {
  readonly #source: LogSource
  readonly #options: VerifyOptions
  readonly #lastVisit: LastVisit | undefined
  readonly #began = performance.now()
  #spentMs = 0
  #findings = new Findings()
  #timeline: Timeline
  #tree: TreeCheck | undefined
  #spill: Spill | undefined
  #spread: Spread | undefined
  #crew: Crew | undefined
  #folder: WorkFolder | undefined
  #changes: Work['changes'] = []
  #days = new Map<string, number>()
  #types = new Map<string, number>()
  #lastReceived: string | undefined
  #visitChecked = false
  #resumed = false
  #doubtful: AuditReport['doubtful'] = []
  /** what was found in the bundle that is being handed over; it counts when the bundle does */
  #handed: Finding[] = []
  readonly #underWay: UnderWay[] = []
  #cosignatures: readonly Cosignature[] = []
  #done = 0
  #missing = 0

  constructor(source: LogSource, options: VerifyOptions, lastVisit: LastVisit | undefined) {
    this.#source = source
    this.#options = options
    this.#lastVisit = lastVisit
    this.#timeline = new Timeline({
      origin: options.log.name,
      operator: options.operator,
      compile: compiledRules,
      blob: (digest) => source.blob(digest),
      typesUsed: async () => {
        await this.#settle(0)
        return new Set(this.#types.keys())
      },
      found: (finding) => this.#handed.push(finding),
    })
  }

  open(note: string): Checkpoint | undefined {
    try {
      const { cosignatures, ...checkpoint } = openTrustedCheckpoint(note, this.#options)
      this.#cosignatures = cosignatures
      return checkpoint
    } catch (error) {
      this.#findings.add({ code: 'checkpoint', index: null, cause: messageOf(error) })
      return undefined
    }
  }

  async run(checkpoint: Checkpoint): Promise<AuditReport> {
    const { size } = checkpoint
    this.#compareVisit(checkpoint)
    if (size === 0)
      this.#findings.add({ code: 'beginning', index: null, cause: 'it has no entry, and a log begins with its catalogue' })
    const { stateFile, workers = availableParallelism() } = this.#options
    this.#folder = new WorkFolder(stateFile === undefined ? await mkdtemp(join(tmpdir(), 'lianban-audit-')) : `${stateFile}.work`)
    let finished = false
    try {
      const spread = await this.#begin(size)
      const data = { origin: this.#options.log.name, spread }
      this.#crew = workers === 0 ? crewHere(data) : crewOfThreads(workers, data)
      this.#crew.tell(this.#changes.map(({ change }) => change))
      await this.#walk(size).catch(async (error) => {
        await this.#save()
        throw error
      })
      await this.#finishTree(checkpoint)
      await this.#lookAgain(spread)
      finished = true
      return this.report(checkpoint)
    } finally {
      await Promise.allSettled(this.#underWay.map(({ verdict }) => verdict))
      await this.#crew?.close()
      if (finished || stateFile === undefined) await this.#folder.remove()
    }
  }

  report(checkpoint: Checkpoint | undefined): AuditReport {
    const { log, vkey, operator, witnesses = [] } = this.#options
    const cosigned = this.#cosignatures.map(({ name, time }) => ({ name, time: time.toISOString() }))
    return {
      source: this.#source.name,
      origin: log.name,
      vkey,
      verifiedAt: new Date().toISOString(),
      tookMs: Math.round(this.#spentMs + performance.now() - this.#began),
      checkpoint: checkpoint && { size: checkpoint.size, root: checkpoint.root.toString('base64') },
      ...(witnesses.length === 0 ? {} : { witnesses: { named: witnesses.length, cosigned } }),
      lastVisit: this.#lastVisit && {
        size: this.#lastVisit.checkpoint.size,
        root: this.#lastVisit.checkpoint.root.toString('base64'),
        verifiedAt: this.#lastVisit.verifiedAt,
      },
      operator: { thumbprint: this.#timeline.operator, pinned: operator !== undefined },
      keys: this.#timeline.keyCount,
      catalogues: this.#timeline.catalogues.length,
      kinds: kindsOf(this.#days),
      types: Object.fromEntries([...this.#types].sort()),
      days: Object.fromEntries([...this.#days].sort()),
      findings: this.#findings.snapshot(),
      doubtful: this.#doubtful,
      resumed: this.#resumed,
      only: this.#only(checkpoint?.size ?? 0),
    }
  }

  #only(size: number): AuditReport['only'] {
    const { entries } = this.#options
    return entries && { from: entries.from, to: Math.min(entries.to, size), withRules: this.#withRules() }
  }

  #compareVisit({ size, root }: Checkpoint): void {
    const before = this.#lastVisit?.checkpoint
    if (before === undefined) return
    if (size < before.size) {
      const cause = `it has ${size} entries and the root ${base64(root)}; at the last visit it had ${before.size} and ${base64(before.root)}`
      this.#findings.add({ code: 'shrunk', index: null, cause })
      this.#visitChecked = true
    }
  }

  async #begin(size: number): Promise<Spread> {
    const folder = this.#folder
    if (folder === undefined) throw new Error('there is no folder to work in')
    await folder.create()
    const work = await folder.read(this.#task())
    const usable = work !== undefined && work.bundles * tileWidth <= size ? work : undefined
    const partitions = Math.min(512, Math.max(8, Math.ceil(size / entriesPerPartition)))
    const spread = usable?.spread ?? { partitions, seed: randomInt(2 ** 31) }
    this.#spread = spread
    this.#spill = await Spill.open(folder.path, usable?.traceBytes ?? new Array<number>(2 * partitions).fill(0))
    if (usable !== undefined) await this.#resume(usable)
    const at = { size: this.#done * tileWidth, levels: (usable?.levels ?? []).map((level) => Buffer.from(level, 'base64')) }
    this.#tree = new TreeCheck(
      (level, n, width) => this.#tile(level, n, width),
      (finding) => this.#findings.add(finding),
      at,
    )
    return spread
  }

  async #resume(work: Work): Promise<void> {
    for (const { change, jti } of work.changes) await this.#timeline.again(change, jti)
    this.#changes = work.changes
    this.#findings = new Findings(work.findings)
    this.#days = new Map(Object.entries(work.days))
    this.#types = new Map(Object.entries(work.types))
    this.#lastReceived = work.lastReceived
    this.#visitChecked = work.visitChecked
    this.#spentMs = work.spentMs
    this.#done = work.bundles
    this.#resumed = true
  }

  /** A run may only go on with what an earlier one was asked, too. */
  #task(): string {
    const { vkey, operator, entries } = this.#options
    return JSON.stringify({ source: this.#source.name, vkey, operator, entries, lastVisit: this.#lastVisit?.note })
  }

  async #walk(size: number): Promise<void> {
    const bundles = Math.ceil(size / tileWidth)
    const from = this.#done
    const ahead: Promise<Fetched>[] = []
    let next = from
    let saved = performance.now()
    while (this.#missing < maxMissing) {
      while (next < bundles && ahead.length < maxAhead) ahead.push(quietly(this.#fetch(next++, size)))
      const fetching = ahead.shift()
      if (fetching === undefined) break
      await this.#hand(await fetching)
      await this.#settle(this.#crew?.depth ?? 1)
      this.#options.onProgress?.(Math.min(size, this.#done * tileWidth), size, from * tileWidth)
      if (performance.now() - saved > saveEveryMs) {
        await this.#save()
        saved = performance.now()
      }
      if (this.#options.signal?.aborted) {
        await this.#settle(0)
        await this.#save()
        throw new VerifyStopped('the verification was stopped')
      }
    }
    await Promise.allSettled(ahead)
    await this.#settle(0)
  }

  async #fetch(n: number, size: number): Promise<Fetched> {
    const width = widthOf(0, n, size)
    const { from, to } = this.#options.entries ?? everything
    const asked = n * tileWidth + width > from && n * tileWidth < to
    const [bundle, tile] = await Promise.all([
      asked ? this.#file(() => this.#source.bundle(n, width)) : undefined,
      this.#file(() => this.#source.tile(0, n, width)),
    ])
    return { n, width, bundle, tile }
  }

  /** @returns what is wrong, as a text, when the source has no such file: that is a finding; being away is none */
  async #file(read: () => Promise<Buffer>): Promise<Buffer | string> {
    try {
      return await read()
    } catch (error) {
      if (error instanceof SourceFailed && (error.code === 'missing' || (error.code === 'refused' && !isRemote(this.#source))))
        return error.message
      throw error
    }
  }

  /** Hands a bundle to a judge, after what it says about keys and rules was looked at. */
  async #hand(fetched: Fetched): Promise<void> {
    this.#handed = []
    const { n, width, bundle } = fetched
    const tile = this.#goodTile(fetched)
    const entries = this.#entriesOf(fetched)
    if (entries === undefined || bundle === undefined || typeof bundle === 'string') {
      if (bundle === undefined) this.#missing = tile === undefined ? this.#missing + 1 : 0
      this.#underWay.push({ fetched: { ...fetched, tile: tile ?? '' }, verdict: undefined, findings: this.#handed })
      return
    }
    this.#missing = 0
    const changes = this.#withRules() ? await this.#changesOf(n * tileWidth, entries) : []
    const told = changes.map(({ change }) => change)
    const verdict = this.#crew?.judge({ n, width, bundle, tile, changes: told, withRules: this.#withRules() })
    verdict?.catch(() => undefined)
    this.#changes = [...this.#changes, ...changes]
    if (told.length > 0) this.#crew?.tell(told, { afterJob: true })
    this.#underWay.push({ fetched, verdict, findings: this.#handed })
  }

  /** Keys and rules are known only to who has read the log from its beginning. */
  #withRules(): boolean {
    return (this.#options.entries?.from ?? 0) === 0
  }

  #goodTile({ n, width, tile }: Fetched): Buffer | undefined {
    const index = n * tileWidth
    if (typeof tile === 'string') this.#handed.push({ code: 'missing', index, cause: `tile 0/${n}: ${tile}` })
    else if (tile.length === width * hashBytes) return tile
    else this.#handed.push({ code: 'tile-length', index, cause: lengthCause(0, n, tile.length, width) })
    return undefined
  }

  async #changesOf(first: number, entries: readonly Buffer[]): Promise<Work['changes']> {
    const changes: Work['changes'][number][] = []
    for (const [place, entry] of entries.entries()) {
      const index = first + place
      if (index > 1 && !mayChangeRules(entry)) continue
      const taken = await this.#take(index, entry)
      if (taken === undefined) continue
      const { change, request } = taken
      changes.push(request === undefined ? { change } : { change, jti: request.jti })
    }
    return changes
  }

  async #take(index: number, entry: Buffer) {
    try {
      return await this.#timeline.take(index, entry)
    } catch (error) {
      if (!(error instanceof SourceFailed) || error.code === 'away' || (error.code === 'refused' && isRemote(this.#source)))
        throw error
      this.#handed.push({ code: 'catalogue', index, cause: `a file that it names is not there: ${error.message}` })
      return undefined
    }
  }

  #entriesOf({ n, width, bundle }: Fetched): Buffer[] | undefined {
    const index = n * tileWidth
    if (bundle === undefined) return undefined
    if (typeof bundle === 'string') {
      this.#missing++
      this.#handed.push({ code: 'missing', index, cause: `entries ${index} to ${index + width - 1}: ${bundle}` })
      return undefined
    }
    try {
      return decodeBundle(bundle, width)
    } catch (error) {
      this.#handed.push({ code: 'framing', index, cause: messageOf(error) })
      return undefined
    }
  }

  /** Takes in verdicts in the order of the log, until so few are under way. */
  async #settle(underWay: number): Promise<void> {
    while (this.#underWay.length > underWay) {
      const [oldest] = this.#underWay
      if (oldest === undefined) return
      const verdict = await oldest.verdict
      this.#underWay.shift()
      this.#findings.addAll(oldest.findings)
      await this.#merge(oldest.fetched, verdict)
    }
  }

  async #merge({ n, width, tile }: Fetched, verdict: Verdict | undefined): Promise<void> {
    const leaves = verdict === undefined ? leavesOfTile(tile, width) : Buffer.from(verdict.leaves)
    if (verdict !== undefined) await this.#mergeVerdict(n, verdict)
    this.#compareRootOfVisit(n, leaves)
    await this.#tree?.add(leaves, verdict?.root === undefined ? undefined : Buffer.from(verdict.root))
    this.#done = n + 1
  }

  async #mergeVerdict(n: number, verdict: Verdict): Promise<void> {
    const { firstReceived, lastReceived } = verdict
    if (firstReceived !== undefined && this.#lastReceived !== undefined && firstReceived < this.#lastReceived)
      this.#findings.add(backwards(n * tileWidth, this.#lastReceived, firstReceived))
    this.#lastReceived = lastReceived ?? this.#lastReceived
    this.#findings.addAll(verdict.findings)
    for (const [day, count] of verdict.days) {
      const known = this.#days.has(day) || this.#days.size < maxDays ? day : `later ${day.slice(day.indexOf(' ') + 1)}`
      this.#days.set(known, (this.#days.get(known) ?? 0) + count)
    }
    for (const [type, count] of verdict.types) this.#types.set(type, (this.#types.get(type) ?? 0) + count)
    await this.#spill?.add(verdict)
  }

  #compareRootOfVisit(n: number, leaves: Buffer): void {
    const before = this.#lastVisit?.checkpoint
    if (before === undefined || this.#visitChecked || this.#tree === undefined) return
    const within = before.size - n * tileWidth
    if (within > leaves.length / hashBytes || (within === tileWidth && leaves.length === tileWidth * hashBytes)) return
    this.#visitChecked = true
    const root = this.#tree.rootWith(leaves.subarray(0, within * hashBytes))
    this.#compareWithVisit(root, before)
  }

  #compareWithVisit(root: Buffer, before: Checkpoint): void {
    if (root.equals(before.root)) return
    const cause = `its first ${before.size} entries have the root ${base64(root)}; at the last visit they had ${base64(before.root)}`
    this.#findings.add({ code: 'fork', index: null, cause })
  }

  async #finishTree({ size, root }: Checkpoint): Promise<void> {
    if (this.#tree === undefined) return
    if (this.#tree.size < size) {
      const cause = `entries from ${this.#tree.size} on are not there, the checkpoint has ${size}`
      this.#findings.add({ code: 'missing', index: this.#tree.size, cause })
      return
    }
    const found = await this.#tree.finish()
    if (!this.#visitChecked && this.#lastVisit !== undefined) this.#compareWithVisit(found, this.#lastVisit.checkpoint)
    if (found.equals(root)) return
    const cause = `the entries have the root ${base64(found)}, the checkpoint of ${size} entries says ${base64(root)}`
    this.#findings.add({ code: 'root', index: null, cause })
  }

  async #tile(level: number, n: number, width: number): Promise<Buffer | undefined> {
    const tile = await this.#file(() => this.#source.tile(level, n, width))
    const index = n * tileWidth ** (level + 1)
    if (typeof tile === 'string') this.#findings.add({ code: 'missing', index, cause: `tile ${level}/${n}: ${tile}` })
    else if (tile.length === width * hashBytes) return tile
    else this.#findings.add({ code: 'tile-length', index, cause: lengthCause(level, n, tile.length, width) })
    return undefined
  }

  /** Everything that needs the whole log: duplicates, repetitions, the legal order of each subject. */
  async #lookAgain({ partitions }: Spread): Promise<void> {
    const spill = this.#spill
    const crew = this.#crew
    if (spill === undefined || crew === undefined) return
    await spill.flush()
    await this.#save()
    const { doubts, catalogues } = this.#timeline
    const doubtful = doubts.map((doubt) => ({ ...doubt, events: 0, indexes: [] as number[] }))
    const next = Array.from({ length: 2 * partitions }, (_, place) => place).values()
    const take = async () => {
      for (const place of next) {
        const file = spill.fileOf(place)
        const look = await crew.lookAgain(
          place < partitions ? { look: 'twice', file, doubts } : { look: 'order', file, catalogues },
        )
        this.#findings.addAll(look.findings)
        this.#findings.addCounts(look.more)
        for (const [i, { count, indexes }] of look.doubtful.entries()) {
          const doubt = doubtful[i]
          if (doubt === undefined) continue
          doubt.events += count
          doubt.indexes = [...doubt.indexes, ...indexes].sort((a, b) => a - b).slice(0, 100)
        }
      }
    }
    await Promise.all(Array.from({ length: crew.depth }, take))
    this.#doubtful = doubtful
  }

  async #save(): Promise<void> {
    if (
      this.#options.stateFile === undefined ||
      this.#spill === undefined ||
      this.#spread === undefined ||
      this.#tree === undefined
    )
      return
    // only whole bundles can be gone on from
    if (this.#tree.size % tileWidth !== 0) return
    await this.#spill.flush()
    await this.#folder?.write({
      task: this.#task(),
      bundles: this.#done,
      levels: this.#tree.levels.map((level) => level.toString('base64')),
      lastReceived: this.#lastReceived,
      changes: this.#changes,
      findings: this.#findings.snapshot(),
      days: Object.fromEntries(this.#days),
      types: Object.fromEntries(this.#types),
      spread: this.#spread,
      traceBytes: this.#spill.sizes,
      spentMs: this.#spentMs + performance.now() - this.#began,
      visitChecked: this.#visitChecked,
    })
  }
}

/** Whether an entry may be a key or a catalogue: in the one form of either, the tenth byte tells. */
function mayChangeRules(entry: Buffer): boolean {
  const kind = entry[9]
  return kind === 0x6b || kind === 0x63
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

function kindsOf(days: ReadonlyMap<string, number>): Record<string, number> {
  const kinds: Record<string, number> = {}
  for (const [day, count] of days) {
    const kind = day.slice(day.indexOf(' ') + 1)
    kinds[kind] = (kinds[kind] ?? 0) + count
  }
  return kinds
}

const isRemote = ({ name }: LogSource) => /^https?:/i.test(name)
const base64 = (hash: Buffer) => hash.toString('base64')
const lengthCause = (level: number, n: number, bytes: number, width: number) =>
  `tile ${level}/${n} has ${bytes} bytes; ${width} hashes make ${width * hashBytes}`
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
