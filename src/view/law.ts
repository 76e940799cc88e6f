import type { Catalogue } from '../catalogue/catalogue.ts'
import type { AcceptedEvent, Law } from '../domain/record.ts'

/** A catalogue of the log and the index from which it was in force. */
export interface PastCatalogue {
  readonly index: number
  readonly catalogue: Catalogue
}

/**
 * The legal order that an event was judged by; undefined where the catalogue of today was in force already.
 *
 * @param catalogues oldest first
 */
export function lawAt(catalogues: readonly PastCatalogue[], { index, kind, type }: AcceptedEvent): Law | undefined {
  const then = catalogues.findLast((past) => past.index < index)
  if (then === undefined || then === catalogues.at(-1)) return undefined
  const kindThen = then.catalogue.kinds.find(({ id }) => id === kind)
  const typeThen = then.catalogue.types.find((each) => each.type === type)
  return kindThen === undefined || typeThen === undefined ? undefined : { kind: kindThen, order: typeThen.order }
}
