import type { Delivery, Heartbeat } from '../bus/bus.ts'
import type { Kind } from '../catalogue/catalogue.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { AcceptedEvent } from '../domain/record.ts'
import { eventOfEntry } from './entry-event.ts'
import { type Partition, placeText } from './positions.ts'

/** This process's rules do not know what the log does. */
export class RulesTooOld extends Error {
  override readonly name = 'RulesTooOld'
}

/** What a batch has for one partition. */
export interface Place extends Partition {
  readonly kind: Kind
  readonly deliveries: { readonly delivery: Delivery; readonly event: AcceptedEvent }[]
  readonly heartbeats: Heartbeat[]
}

/**
 * A batch by partition, its entries read: before anything is locked.
 *
 * @throws {RulesTooOld} where they have no kind with a topic of the batch
 */
export function placesOf(deliveries: readonly Delivery[], heartbeats: readonly Heartbeat[], rules: Rules): readonly Place[] {
  const places = new Map<string, Place>()
  for (const delivery of deliveries) {
    const place = placeIn(delivery)
    place.deliveries.push({ delivery, event: eventOfEntry(delivery.entry, delivery.index, place.kind.id) })
  }
  for (const heartbeat of heartbeats) placeIn(heartbeat).heartbeats.push(heartbeat)
  return [...places.values()]

  function placeIn({ topic, partition }: Partition): Place {
    const key = placeText({ topic, partition })
    const found = places.get(key) ?? { topic, partition, kind: kindOf(rules, topic), deliveries: [], heartbeats: [] }
    places.set(key, found)
    return found
  }
}

function kindOf(rules: Rules, topic: string): Kind {
  const kind = [...rules.kinds.values()].find((each) => each.topic === topic)
  if (!kind) throw new RulesTooOld(`the rules in force have no kind with the topic ${topic}`)
  return kind
}
