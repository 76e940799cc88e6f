import type { JsonObject } from '../domain/text.ts'
import type { SigningKey } from '../identity/private-key.ts'
import { type Answer, type ExchangeClient, outcomeIsKnown } from './exchange-client.ts'
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
  const answer = await client.ask('/v1/keys', { as }).catch(() => undefined) // the refusal says more than why nobody could be asked
  if (answer?.status !== 200) return undefined
  return objectsIn(answer.body.keys).find((key) => key.party === party && key.kid === kid)
}
