import type { Context } from 'hono'
import { checkEvent } from '../catalogue/check-event.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import { openSignedEvent, type SignatureVerifier, type VerifiedEvent } from '../identity/jws.ts'
import { verifyHere } from '../identity/verify-signature.ts'
import type { Appended } from '../log/appendable.ts'
import type { RulesInForce } from '../log/rules-in-force.ts'
import { readSignedEvent } from './body.ts'
import type { Turn } from './fair-turns.ts'
import { underFreshRules } from './fresh-rules.ts'
import { preferredLanguage } from './language.ts'
import type { Parts } from './parts.ts'
import { findingsIn } from './problems.ts'

/** So many events at once or fewer have their signatures verified on the event loop: alone, one waits longer for a thread than that takes. */
const few = 4

/** `POST /v1/events`: from signed bytes to a receipt. The checks stand in design.md section 3, in this order. */
export async function postEvent(c: Context, parts: Parts): Promise<Response> {
  const compact = await readSignedEvent(c)
  let turn: Turn | undefined
  // whose key it names is known before the dear part of the check: one party's flood waits behind itself
  const inTurn: SignatureVerifier = async (signed, header, key) => {
    turn ??= await parts.turns.begin(key.party)
    // a flood of forged ones waits for the thread, as one of genuine ones does
    const here = parts.fitting.delete(key.party) && parts.turns.taken <= few
    await (here ? verifyHere : parts.verifyElsewhere)(signed, header, key)
    parts.fitting.add(key.party)
  }
  try {
    const { verified, inForce } = await verify(compact, parts, inTurn)
    const check = checkEvent(verified.payload, verified.party, inForce.rules, parts.now())
    const appended = await parts.append({ kind: 'event', verified, check, rulesIndex: inForce.index })
    if (appended.outcome === 'refused') throw RefusedRequest.logged(appended.refusal, appended.index)
    if (appended.outcome === 'appended' && check.state === 'valid') parts.metrics.accepted.inc({ type: check.type.type.type })
    return await acceptance(c, appended, parts)
  } finally {
    turn?.end()
  }
}

function verify(
  compact: string,
  parts: Parts,
  verifier: SignatureVerifier,
): Promise<{ verified: VerifiedEvent; inForce: RulesInForce }> {
  return underFreshRules(parts, async (inForce) => {
    const audience = { origin: parts.origin, aud: inForce.rules.catalogue.audience }
    return { verified: await openSignedEvent(compact, inForce.keys, audience, verifier), inForce }
  })
}

async function acceptance(c: Context, appended: Exclude<Appended, { outcome: 'refused' }>, { log }: Parts): Promise<Response> {
  const proved = appended.outcome === 'appended' ? appended : await log.prove(appended.index)
  const body = {
    index: appended.index,
    received: appended.received,
    leafHash: proved.leafHash.toString('base64'),
    receipt: proved.receipt,
    warnings: findingsIn(appended.warnings, preferredLanguage(c.req.header('accept-language'))),
  }
  return c.json(body, appended.outcome === 'appended' ? 201 : 200, {
    location: `/v1/events/${appended.index}`,
    'cache-control': 'no-store',
  })
}
