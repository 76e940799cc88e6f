import type { GuardName, KindOrder, Layer, SubjectState } from './order.ts'
import { notCleared, notNamed, notSimplified } from './order-text.ts'
import { own, valuesAt } from './pointer.ts'
import type { JsonObject, Text } from './text.ts'

/** What a guard looks at. */
export interface Guarded {
  readonly state: SubjectState
  readonly data: JsonObject
  readonly kind: KindOrder
  /** the layer whose parts it asks about */
  readonly layer: Layer
}

/** What stands against a step, or undefined. Conditions that an order table can't say. */
export const guards: Readonly<Record<GuardName, (guarded: Guarded) => Text | undefined>> = {
  // O8
  'every-open-register-named': ({ state, layer, data }) => {
    const named = new Set(valuesAt(data, '/clearance/clearedBy/*/bureau'))
    const missing = openParts(state, layer).filter((part) => !named.has(part))
    return missing.length > 0 ? notNamed(missing) : undefined
  },
  // O9: whatever does not call itself simplified goes the general way
  'open-registers-cleared': ({ state, layer, data }) => {
    if (data.cancellationMode === 'simplified') return undefined
    const missing = uncleared(state, layer)
    return missing.length > 0 ? notCleared(missing) : undefined
  },
  // O10
  'simplified-cancellation-allowed': ({ state, layer, data, kind }) => {
    if (data.cancellationMode !== 'simplified') return undefined
    const main = kind.layers.find((each) => each.main)
    const revoked = Object.values(own(state, main?.id ?? '') ?? {}).find((part) => part.state === 'revoked')
    if (revoked !== undefined) return notSimplified(revoked.state)
    const missing = uncleared(state, layer)
    return missing.length > 0 ? notCleared(missing) : undefined
  },
}

/** The parts of a layer that are alive, by name. */
export function openParts(state: SubjectState, layer: Layer): readonly string[] {
  return Object.entries(own(state, layer.id) ?? {})
    .filter(([, part]) => layer.open.includes(part.state))
    .map(([name]) => name)
    .sort()
}

function uncleared(state: SubjectState, layer: Layer): readonly string[] {
  return openParts(state, layer).filter((part) => own(own(state, layer.id), part)?.cleared !== true)
}
