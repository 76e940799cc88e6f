import type { JsonObject } from '../domain/text.ts'
import type { SigningKey } from '../identity/private-key.ts'
import { type Answer, type ExchangeClient, expectStatus, outcomeIsKnown } from './exchange-client.ts'
import { objectsIn } from './objects-in.ts'

/**
 * A key as the exchange has it, for a request that was refused: it may have been taken before, and its answer lost.
 *
 * @param refused the answer to the request
 * @param as who asks; a key that is not in force may not, and learns nothing
 */
export async function knownAfter(
  refused: Answer,
  client: ExchangeClient,
  as: SigningKey,
  { party, kid }: { readonly party: string; readonly kid: string },
): Promise<JsonObject | undefined> {
  if (refused.status < 400 || !outcomeIsKnown(refused)) return undefined
  const answer = await client.ask('/v1/keys', { as })
  if (answer.status === 401) return undefined
  return objectsIn(expectStatus(answer, 200).body.keys).find((key) => key.party === party && key.kid === kid)
}
