import { guardNames, type Layer, type Move, none, type OrderRule } from '../domain/order.ts'
import { orderCodes } from '../domain/problems.ts'
import type { EventType, Kind } from './catalogue.ts'

/** What is wrong with the states of a kind. */
export function layerFaults({ id, layers }: Kind): readonly string[] {
  const mains = layers.filter(({ main }) => main)
  return [
    ...(mains.length === 1 ? [] : [`kind ${id} has ${mains.length} main layers; it needs exactly one`]),
    ...mains.filter(({ per }) => per).map((layer) => `kind ${id}: the main layer ${layer.id} can't be per sender`),
    ...repeated(layers.map((layer) => layer.id)).map((layer) => `kind ${id} has the layer ${layer} more than once`),
    ...layers.flatMap(({ id: layer, states, open }) => [
      ...(states.includes(none) ? [`kind ${id}, layer ${layer}: ${none} is implied and can't be declared`] : []),
      ...open
        .filter((state) => !states.includes(state))
        .map((state) => `kind ${id}, layer ${layer}: the open state ${state} is none of its states`),
    ]),
  ]
}

/**
 * What is wrong with the legal order of a type.
 *
 * @param fields the members its schema knows; undefined when the schema doesn't say
 */
export function orderFaults({ type, order }: EventType, kind: Kind, fields: ReadonlySet<string> | undefined): readonly string[] {
  const layers = new Map(kind.layers.map((layer) => [layer.id, layer]))
  const faults = [
    ...(layers.has(order.layer) ? [] : [unknownLayer(order.layer)]),
    ...order.rules.flatMap((rule) => ruleFaults(rule, layers)),
    ...order.moves.flatMap((move) => moveFaults(move, layers)),
    ...fieldsOf(order)
      .filter((field) => fields && !fields.has(field))
      .map((field) => `its schema has no field ${field}`),
  ]
  return [...new Set(faults)].map((fault) => `type ${type}, order: ${fault}`)
}

/** Values that stand more than once. */
export function repeated(values: readonly string[]): readonly string[] {
  return [...new Set(values.filter((value, i) => values.indexOf(value) !== i))]
}

type Layers = ReadonlyMap<string, Layer>

function ruleFaults(rule: OrderRule, layers: Layers): readonly string[] {
  const faults = orderCodes.includes(rule.code) ? [] : [`the code ${rule.code} is none of the rules of legal order`]
  switch (rule.rule) {
    case 'state':
      return [...faults, ...unknownStates(rule.in, rule.layer, layers, true)]
    case 'guard':
      return [
        ...faults,
        ...(guardNames.includes(rule.guard) ? [] : [`there is no guard ${rule.guard}; there are ${guardNames.join(', ')}`]),
        ...(layers.has(rule.layer) ? [] : [unknownLayer(rule.layer)]),
      ]
    default:
      return faults
  }
}

function moveFaults({ layer, of, from, to }: Move, layers: Layers): readonly string[] {
  const whole = layers.get(layer)?.per === undefined && layers.has(layer)
  return [
    ...unknownStates(from, layer, layers, true),
    ...unknownStates(typeof to === 'string' ? [to] : to.in, layer, layers, false),
    ...(of !== undefined && whole ? [`a move names parts of the layer ${layer}, which is not per sender`] : []),
  ]
}

function unknownStates(states: readonly string[], layer: string, layers: Layers, mayBeNone: boolean): readonly string[] {
  const known = layers.get(layer)?.states
  if (known === undefined) return [unknownLayer(layer)]
  const unknown = states.filter((state) => !known.includes(state) && !(mayBeNone && state === none))
  return unknown.map((state) => `the layer ${layer} has no state ${state}`)
}

const unknownLayer = (layer: string) => `there is no layer ${layer}`

/** Members of `data` that an order reads. */
function fieldsOf({ rules, moves, stateField }: EventType['order']): readonly string[] {
  return [
    ...(stateField === undefined ? [] : [stateField]),
    ...rules.flatMap((rule) => (rule.rule === 'previous' ? [rule.field] : [])),
    ...moves.flatMap(({ to }) => (typeof to === 'string' ? [] : [to.field])),
    ...moves.flatMap(({ of }) => (typeof of === 'object' ? [of.named.split('/')[1] ?? ''] : [])),
  ]
}
