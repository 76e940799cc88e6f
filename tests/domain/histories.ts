import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Catalogue, EventType, Kind } from '../../src/catalogue/catalogue.ts'
import { foldState } from '../../src/domain/fold.ts'
import type { SubjectState } from '../../src/domain/order.ts'
import type { JsonObject } from '../../src/domain/text.ts'

const root = path.join(import.meta.dirname, '..', '..')

export interface Sample {
  /** with version suffix */
  readonly type: string
  readonly source: string
  readonly subject: string
  readonly data: JsonObject
}

export const catalogue: Catalogue = JSON.parse(readFileSync(path.join(root, 'schemas', 'catalogue.json'), 'utf8'))

/** The eighteen events of three made-up companies, in legal order. */
export const samples: readonly Sample[] = readdirSync(path.join(root, 'tests', 'fixtures', 'examples'))
  .sort()
  .map((file) => JSON.parse(readFileSync(path.join(root, 'tests', 'fixtures', 'examples', file), 'utf8')))

export const companyA = '91210203XTEXT0018E'
export const companyB = '91210202XTEXT0026T'
export const companyC = '91210204XTEXT0034J'

export function kindOf(id: string): Kind {
  const kind = catalogue.kinds.find((each) => each.id === id)
  if (!kind) throw new Error(`no kind ${id}`)
  return kind
}

export function typeOf(id: string): EventType {
  const type = catalogue.types.find((each) => each.type === id)
  if (!type) throw new Error(`no type ${id}`)
  return type
}

/** Later than every sample. */
export const today = '2018-01-02'

/** Folds one step, or says the code that refuses it. */
export function step(state: SubjectState | undefined, type: string, sender: string, data: JsonObject, on = today) {
  const folded = foldState(state, { sender, data }, kindOf(typeOf(type).kind), typeOf(type).order, on)
  return 'refused' in folded ? folded.refused : { state: folded.state }
}

/** The state after each sample, in order; throws when one is refused. */
export function walk(events: readonly Sample[]): readonly { sample: Sample; state: SubjectState }[] {
  const states = new Map<string, SubjectState>()
  return events.map((sample) => {
    const after = step(states.get(sample.subject), sample.type, sample.source, sample.data)
    if ('code' in after) throw new Error(`${sample.type}: ${after.code}: ${after.detail.en}`)
    states.set(sample.subject, after.state)
    return { sample, state: after.state }
  })
}

/** The state a subject has after all samples. */
export function finalState(subject: string): SubjectState {
  const last = walk(samples.filter((each) => each.subject === subject)).at(-1)
  if (!last) throw new Error(`no samples of ${subject}`)
  return last.state
}
