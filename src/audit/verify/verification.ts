import { randomInt } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Checkpoint } from '../../log/checkpoint.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { crewHere, crewOfThreads } from './crew.ts'
import { type Parts, partsOf } from './parts.ts'
import type { Looked } from './report-of.ts'
import { Spill } from './spill.ts'
import { nameOfTask, type Task } from './task.ts'
import type { Spread } from './trace.ts'
import { lookAtWhole } from './whole-log.ts'
import type { Work } from './work-file.ts'

const saveEveryMs = 500
/** Entries that should meet in one partition of traces. */
const entriesPerPartition = 16_384

/** Work of an earlier run, and where this one's traces go. */
interface Begun {
  readonly work: Work | undefined
  readonly spread: Spread
  readonly spill: Spill
}

/**
 * Looks at everything that a checkpoint covers, going on from where an earlier run of the same task was.
 *
 * @throws {SourceFailed}, {VerifyStopped} after the work was kept in the folder
 */
export async function verifyCheckpoint(checkpoint: Checkpoint, task: Task): Promise<Looked> {
  const begun = await begin(checkpoint, task)
  const { spread, spill, work } = begun
  const { log, workers = availableParallelism() } = task.options
  const data = { origin: log.name, spread }
  const crew = workers === 0 ? crewHere(data) : crewOfThreads(workers, data)
  const parts = partsOf(task, crew, spill, work)
  try {
    await walkThrough(checkpoint, task, parts, begun)
    await finishTree(checkpoint, parts)
    expectPinnedOperator(task, parts)
    await spill.flush()
    await save(task, parts, begun)
    const { findings, tally, handover } = parts
    const doubtful = await lookAtWhole(crew, spill, spread.partitions, handover.timeline, findings)
    return { timeline: handover.timeline, tally, findings, doubtful, resumed: work !== undefined, spentMs: work?.spentMs ?? 0 }
  } finally {
    await parts.walk.idle()
    await crew.close()
  }
}

async function begin({ size }: Checkpoint, task: Task): Promise<Begun> {
  const { folder } = task
  const left = await folder.read(nameOfTask(task))
  const work = left !== undefined && left.bundles * tileWidth <= size ? left : undefined
  const spread = work?.spread ?? newSpread(size)
  const spill = await Spill.open(folder.path, work?.traceBytes ?? new Array<number>(2 * spread.partitions).fill(0))
  return { work, spread, spill }
}

function newSpread(size: number): Spread {
  const partitions = Math.min(512, Math.max(8, Math.ceil(size / entriesPerPartition)))
  return { partitions, seed: randomInt(2 ** 31) }
}

async function walkThrough(checkpoint: Checkpoint, task: Task, parts: Parts, begun: Begun): Promise<void> {
  const { size } = checkpoint
  const { findings, visit, handover, walk } = parts
  const { signal, onProgress } = task.options
  visit.begin(checkpoint)
  if (size === 0) findings.add({ code: 'beginning', index: null, cause: 'it has no entry, and a log begins with its catalogue' })
  await handover.again(begun.work?.changes ?? [])
  const from = walk.done
  let saved = performance.now()
  const onStep = async () => {
    onProgress?.(Math.min(size, walk.done * tileWidth), size, from * tileWidth)
    if (performance.now() - saved < saveEveryMs) return
    await save(task, parts, begun)
    saved = performance.now()
  }
  try {
    await walk.to(size, { signal, onStep })
  } catch (error) {
    await save(task, parts, begun)
    throw error
  }
}

async function finishTree({ size, root }: Checkpoint, { findings, tree, visit }: Parts): Promise<void> {
  if (tree.size < size) {
    const cause = `entries from ${tree.size} on are not there, the checkpoint has ${size}`
    findings.add({ code: 'missing', index: tree.size, cause })
    return
  }
  const found = await tree.finish()
  visit.finish(found)
  if (found.equals(root)) return
  const [are, says] = [found, root].map((hash) => hash.toString('base64'))
  findings.add({
    code: 'root',
    index: null,
    cause: `the entries have the root ${are}, the checkpoint of ${size} entries says ${says}`,
  })
}

/** A log that ends before its first key has nothing that was compared. */
function expectPinnedOperator({ options, part }: Task, { findings, handover }: Parts): void {
  if (options.operator === undefined || (part !== undefined && part.from > 0) || handover.timeline.operator !== undefined) return
  findings.add({ code: 'operator', index: null, cause: 'it has no key at index 1 to be compared with --operator' })
}

async function save(task: Task, parts: Parts, { work, spread, spill }: Begun): Promise<void> {
  const { options, folder, began } = task
  const { findings, tally, tree, visit, handover, walk } = parts
  // only whole bundles can be gone on from
  if (options.stateFile === undefined || tree.size % tileWidth !== 0) return
  await spill.flush()
  await folder.write({
    task: nameOfTask(task),
    bundles: walk.done,
    levels: tree.levels.map((level) => level.toString('base64')),
    lastReceived: tally.lastReceived,
    changes: handover.changes,
    findings: findings.snapshot(),
    days: Object.fromEntries(tally.days),
    types: Object.fromEntries(tally.types),
    spread,
    traceBytes: spill.sizes,
    spentMs: (work?.spentMs ?? 0) + performance.now() - began,
    visitChecked: visit.done,
  })
}
