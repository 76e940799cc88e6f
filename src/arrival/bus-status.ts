import type { Context } from 'hono'
import { notKept } from './not-kept.ts'
import { authenticateOperator } from './operator.ts'
import type { Parts } from './parts.ts'
import { refuseQuery } from './query.ts'

/** `GET /v1/operations/bus`: how far each topic and each bureau's consumer is. Instants are RFC 3339 UTC, as JSON makes them. */
export async function getBusStatus(c: Context, parts: Parts): Promise<Response> {
  await authenticateOperator(c, parts)
  refuseQuery(c)
  return c.json(await parts.busStatus(), 200, notKept)
}
