import { createReadStream } from 'node:fs'
import type { Catalogue, EventType, Kind } from '../../catalogue/catalogue.ts'
import { foldState } from '../../domain/fold.ts'
import type { SubjectState } from '../../domain/order.ts'
import { type Finding, maxListedPerCode } from './finding.ts'
import { type DigestTrace, type EventTrace, operationMark, type StepTrace, type TakenIdTrace, takenIdMark } from './trace.ts'

/** A key that its holder says was in other hands, and since when. */
export interface Doubt {
  readonly kid: string
  readonly party: string
  /** index of the entry that registered it */
  readonly registeredAt: number
  readonly revokedAt: number
  readonly since: string
}

export type SecondLookJob =
  | { readonly look: 'twice'; readonly file: string; readonly doubts: readonly Doubt[] }
  | { readonly look: 'order'; readonly file: string; readonly catalogues: readonly Catalogue[] }

export interface SecondLook {
  readonly findings: readonly Finding[]
  /** beyond those that are listed */
  readonly more: Readonly<Record<string, number>>
  /** by {@link Doubt}: events that were signed since then; the first of them */
  readonly doubtful: readonly { readonly count: number; readonly indexes: readonly number[] }[]
}

/** Compares everything that met in one partition. Its memory is that of one partition's senders, ids and subjects. */
export async function lookAgain(job: SecondLookJob): Promise<SecondLook> {
  const found = new Found()
  const look = job.look === 'twice' ? twice(found, job.doubts) : order(found, job.catalogues)
  await eachLine(job.file, look)
  return found
}

const readBytes = 1024 * 1024

/** readline takes longer to find the lines than their checks take. */
async function eachLine(file: string, look: (line: string) => void): Promise<void> {
  let rest = ''
  for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: readBytes })) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) look(line)
  }
}

class Found implements SecondLook {
  readonly findings: Finding[] = []
  readonly more: Record<string, number> = {}
  doubtful: { count: number; indexes: number[] }[] = []

  add(finding: Finding): void {
    const listed = this.findings.filter(({ code }) => code === finding.code).length
    if (listed < maxListedPerCode) this.findings.push(finding)
    else this.more[finding.code] = (this.more[finding.code] ?? 0) + 1
  }
}

/** A gateway asks its clock when it looks back, a little after `received`. */
const refusalMemoryMs = 24 * 3_600_000 - 60_000

/**
 * Lines are compared as they are written: one JSON says the same two texts in one way, so that what follows the numbers is the same
 * where sender and id are.
 */
function twice(found: Found, doubts: readonly Doubt[]): (line: string) => void {
  const events = new Map<string, number>()
  const digests = new Map<string, { index: number; receivedMs: number }>()
  const since = doubts.map((doubt) => Date.parse(doubt.since))
  found.doubtful = doubts.map(() => ({ count: 0, indexes: [] }))
  return (line) => {
    const receivedAt = line.indexOf(',') + 1
    const markAt = line.indexOf(',', receivedAt) + 1
    const index = Number(line.slice(1, receivedAt - 1))
    if (line.startsWith(takenIdStart, markAt)) {
      if (!events.has(line.slice(markAt + takenIdStart.length))) found.add(untakenId(line))
      return
    }
    if (line.startsWith('-', markAt)) {
      const [, receivedMs, mark, , what]: DigestTrace = JSON.parse(line)
      const key = line.slice(markAt)
      const before = digests.get(key)
      digests.set(key, { index, receivedMs })
      if (before === undefined) return
      if (mark === operationMark)
        found.add({ code: 'operation-repeated', index, cause: `what it records is on record at entry ${before.index} already` })
      else if (receivedMs - before.receivedMs < refusalMemoryMs)
        found.add({
          code: 'refusal-repeated',
          index,
          cause: `entry ${before.index} refuses the same for ${what}, less than 24 hours before`,
        })
      return
    }
    const key = line.slice(line.indexOf(',', markAt) + 1)
    const before = events.get(key)
    if (before === undefined) events.set(key, index)
    else found.add(duplicateId(line, before))
    if (doubts.length === 0) return
    const [, receivedMs, mark]: EventTrace = JSON.parse(line)
    for (const [place, doubt] of doubts.entries()) {
      if (doubt.registeredAt !== mark || receivedMs < (since[place] ?? 0) || index > doubt.revokedAt) continue
      const doubtful = found.doubtful[place]
      if (doubtful === undefined) continue
      doubtful.count++
      if (doubtful.indexes.length < maxListedPerCode) doubtful.indexes.push(index)
    }
  }
}

const takenIdStart = `${takenIdMark},`

function untakenId(line: string): Finding {
  const [index, , , whose, what]: TakenIdTrace = JSON.parse(line)
  return { code: 'refusal', index, cause: `it says that ${whose} had used the id ${what}, but no event before it has that` }
}

function duplicateId(line: string, before: number): Finding {
  const [index, , , whose, what]: EventTrace = JSON.parse(line)
  const cause = `${whose} has sent an event with the id ${what} at entry ${before} already`
  return { code: 'duplicate-id', index, cause }
}

interface OrderRules {
  readonly type: EventType
  readonly kind: Kind
}

function order(found: Found, catalogues: readonly Catalogue[]): (line: string) => void {
  const rules = catalogues.map(rulesOf)
  const states = new States()
  return (line) => {
    const [index, catalogue, typeName, subject, sender, today, data]: StepTrace = JSON.parse(line)
    const known = rules[catalogue]?.get(typeName)
    if (known === undefined) throw new Error(`entry ${index} was judged by rules that are not there`)
    const key = `${known.kind.id}\n${subject}`
    const folded = foldState(states.get(key), { sender, data }, known.kind, known.type.order, today)
    if ('refused' in folded) {
      const { code, detail } = folded.refused
      found.add({ code: 'legal-order', index, cause: `${typeName} of ${subject}: ${code}: ${detail.en}` })
    } else states.set(key, folded.state)
  }
}

/** Beyond these, states are kept as text: it takes a fifth of the memory, and several times as long. */
const maxObjects = 50_000

/** Of the subjects of one partition. */
class States {
  readonly #objects = new Map<string, SubjectState>()
  readonly #texts = new Map<string, string>()

  get(key: string): SubjectState | undefined {
    const text = this.#texts.get(key)
    return text === undefined ? this.#objects.get(key) : JSON.parse(text)
  }

  set(key: string, state: SubjectState): void {
    if (this.#objects.size < maxObjects || this.#objects.has(key)) this.#objects.set(key, state)
    else this.#texts.set(key, JSON.stringify(state))
  }
}

function rulesOf({ types, kinds }: Catalogue): ReadonlyMap<string, OrderRules> {
  return new Map(
    types.flatMap((type) => {
      const kind = kinds.find(({ id }) => id === type.kind)
      return kind === undefined ? [] : [[type.type, { type, kind }] as const]
    }),
  )
}
