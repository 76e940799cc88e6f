import type { SubjectState } from '../domain/order.ts'
import { problemOf } from '../domain/problems.ts'
import { type Decision, kindAndSubject } from './decide.ts'
import { eventEntryText, maxEntryBytes, receivedText, refusalEntryText } from './entry.ts'
import { leafHash } from './merkle.ts'

/** One row of log.entries that is about to be written. */
export interface Row {
  readonly index: number
  readonly kind: string
  readonly entry: string
  readonly leaf: Buffer
  readonly party?: string | undefined
  readonly eventId?: string | undefined
  readonly type?: string | undefined
  readonly subjectKind?: string | undefined
  readonly subject?: string | undefined
  readonly digest?: Buffer | undefined
  readonly problem?: string | undefined
}

export function rowOf(index: number, kind: string, entry: string, columns: Partial<Row>): Row {
  if (Buffer.byteLength(entry) > maxEntryBytes) throw new Error(`an entry of kind ${kind} is longer than ${maxEntryBytes} bytes`)
  return { ...columns, index, kind, entry, leaf: leafHash(entry) }
}

/** The envelope's schema allows 128 characters; one beyond the basic plane has two units. */
const maxIdUnits = 256

/** Ids that an accepted event can have; others can't be in the log and are not looked up. */
export const canBeAnId = (id: unknown): id is string =>
  typeof id === 'string' && id.length > 0 && id.length <= maxIdUnits && !/[\n\0]/.test(id)

/** Where each decision ends in the log. */
export interface Plan {
  readonly rows: readonly Row[]
  readonly indexes: ReadonlyMap<Decision, number>
  readonly rowsByIndex: ReadonlyMap<number, Row>
}

/**
 * @param size of the log before the batch
 * @param earlier refusals that are still remembered: their index by {@link refusalKey}
 */
export function planRows(decisions: readonly Decision[], size: number, at: Date, earlier: ReadonlyMap<string, number>): Plan {
  const received = receivedText(at)
  const refusals = new Map(earlier)
  const rows: Row[] = []
  const indexes = new Map<Decision, number>()
  for (const decision of decisions) {
    const index = size + rows.length
    if (decision.do === 'refuse') {
      const key = refusalKey(decision.verified.digest, decision.refusal.code)
      const before = refusals.get(key)
      indexes.set(decision, before ?? index)
      if (before !== undefined) continue
      refusals.set(key, index)
    } else if (decision.do === 'repeat' || decision.do === 'reject') continue
    else indexes.set(decision, index)
    rows.push(rowFor(decision, index, received))
  }
  return { rows, indexes, rowsByIndex: new Map(rows.map((row) => [row.index, row])) }
}

function rowFor(decision: Exclude<Decision, { do: 'repeat' | 'reject' }>, index: number, received: string): Row {
  if (decision.do === 'record') {
    const { item } = decision
    return rowOf(index, 'operation', item.text(received), { party: item.party, digest: item.digest })
  }
  if (decision.do === 'refuse') {
    const { verified, refusal } = decision
    const { id, type } = verified.payload
    const entry = refusalEntryText({
      received,
      party: verified.party,
      kid: verified.kid,
      id: typeof id === 'string' ? id : null,
      type: typeof type === 'string' ? type : null,
      status: problemOf(refusal.code).status,
      problem: refusal.code,
      digest: verified.digest.toString('hex'),
    })
    const columns = { eventId: canBeAnId(id) ? id : undefined, type: canBeAnId(type) ? type : undefined }
    return rowOf(index, 'refusal', entry, { party: verified.party, ...columns, digest: verified.digest, problem: refusal.code })
  }
  const { verified } = decision.item
  const { event, type } = decision.check
  const columns = { eventId: event.id, type: event.type, subjectKind: type.kind.id, subject: event.subject }
  return rowOf(index, 'event', eventEntryText(received, verified.compact), {
    party: verified.party,
    ...columns,
    digest: verified.payloadDigest,
  })
}

/** The same bytes refused for the same reason. */
export const refusalKey = (digest: Buffer, problem: string): string => `${digest.toString('hex')} ${problem}`

/** The state that a batch leaves a subject in. */
export interface NewState {
  readonly kind: string
  readonly subject: string
  readonly state: SubjectState
  readonly lastIndex: number
}

export function statesOf(decisions: readonly Decision[], indexes: ReadonlyMap<Decision, number>): ReadonlyMap<string, NewState> {
  const states = new Map<string, NewState>()
  for (const decision of decisions) {
    if (decision.do !== 'accept') continue
    const { event, type } = decision.check
    const lastIndex = indexes.get(decision) ?? -1
    states.set(kindAndSubject(type.kind.id, event.subject), {
      kind: type.kind.id,
      subject: event.subject,
      state: decision.state,
      lastIndex,
    })
  }
  return states
}
