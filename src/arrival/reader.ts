import type { Context } from 'hono'
import type { Party } from '../catalogue/catalogue.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import { type AccessToken, openAccessToken } from '../identity/access-token.ts'
import { underFreshRules } from './fresh-rules.ts'
import type { Parts } from './parts.ts'

/** Who reads, as a good access token says. */
export interface Reader {
  readonly party: Party
  readonly token: AccessToken
}

/**
 * @throws {RefusedRequest} `token-invalid` (401)
 * @see RFC 6750 section 2.1
 */
export async function authenticate(c: Context, parts: Parts): Promise<Reader> {
  const [scheme, token, ...rest] = (c.req.header('authorization') ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || !token || rest.length > 0) throw new RefusedRequest('token-invalid', noToken)
  const opened = await underFreshRules(parts, ({ keys }) =>
    openAccessToken(token, keys, { audience: parts.origin, now: parts.now() }),
  )
  const party = parts.keeper.inForce.rules.parties.get(opened.party)
  if (party === undefined) throw new RefusedRequest('token-invalid', noParty)
  return { party, token: opened }
}

const noToken = {
  en: 'send Authorization: Bearer <token>; a token is made with `lianban sign --token`, or by hand as docs/bureau.md shows',
  zh: '请发送 Authorization: Bearer <令牌>；令牌可用 `lianban sign --token` 生成，或按 docs/bureau.md 手工生成',
}
const noParty = { en: 'the catalogue in force has no such party', zh: '现行目录中没有该方' }
