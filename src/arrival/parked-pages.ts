import { isPartyId } from '../domain/party-id.ts'
import { decodeCursor, encodeCursor, wrongCursor } from '../view/cursor.ts'
import type { ParkedEvent, ParkedFilter, ParkedQueries } from '../view/parked-queries.ts'

/** One page of what is parked in some views. */
export interface ParkedPageJson {
  readonly events: readonly (ParkedEvent & { readonly bureau: string })[]
  /** asks for the page after this one; absent on the last */
  readonly next?: string
}

/**
 * Parked events of several views, one view after the other and in order of index in each.
 *
 * @param views in the order in which they are gone through, the same for every page
 * @throws {RefusedRequest} `invalid-request` for a cursor that no page gave
 */
export async function listAcross(
  views: readonly (readonly [string, ParkedQueries])[],
  filter: ParkedFilter,
  cursor: string | undefined,
  limit: number,
): Promise<ParkedPageJson> {
  const from = cursor === undefined ? undefined : placeOf(cursor)
  const events: ParkedPageJson['events'][number][] = []
  for (const [bureau, view] of views) {
    if (from !== undefined && bureau < from.bureau) continue
    const after = bureau === from?.bureau ? from.index : undefined
    const found = await view.listParked({ ...filter, after, limit: limit - events.length + 1 })
    events.push(...found.map((event) => ({ bureau, ...event })))
    // one more than asked for tells whether a page follows
    if (events.length > limit) break
  }
  const page = events.slice(0, limit)
  const last = page.at(-1)
  return { events: page, ...(events.length > limit && last ? { next: encodeCursor(`${last.bureau} ${last.index}`) } : {}) }
}

function placeOf(cursor: string): { readonly bureau: string; readonly index: number } {
  const [, bureau, index] = /^(\S+) (\d{1,15})$/.exec(decodeCursor(cursor)) ?? []
  if (bureau === undefined || index === undefined || !isPartyId(bureau)) throw wrongCursor()
  return { bureau, index: Number(index) }
}
