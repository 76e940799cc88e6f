import { readInstant } from '../domain/instant.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject, Text } from '../domain/text.ts'
import { splitCompact } from './compact.ts'
import { maxAheadSeconds, staleness } from './freshness.ts'
import { openJws, type SignedPayload } from './jws.ts'
import { type KeyEntry, type KeyRegisterEntry, type KeyRevokeEntry, notSince, readKeyEntry } from './key-entry.ts'
import { KeysInForce } from './keys-in-force.ts'
import { invalidKey, thumbprint } from './public-key.ts'
import { parseStrictJson } from './strict-json.ts'

// A registration takes two agreements, and the log must show both to whoever has the log alone:
//
//   voucher  JWS, typ key-voucher+jws, by the key that vouches:
//            {action: "register", party, kid, thumbprint, log, iat, exp}
//   proof    JWS, typ key-proof+jws, by the new key:
//            {action: "register", party, kid, jwk, log, iat, vouchedBy: <kid of the voucher's key>, voucher}
//
// The new key so shows that it is held, and by somebody who knows the voucher; the voucher says whose it is. A
// revocation takes one:
//
//   proof    JWS, typ key-revocation+jws, by a key of the party or of an operator:
//            {action: "revoke", party, kid, reason, compromisedSince?, log, iat}
//
// Either proof is the whole request, too: `readKeyRequest` makes the entry of it.

/** A request is sent at once; an auditor allows for the queue before the log as well. */
export const requestMaxAgeSeconds = 300
export const auditMaxAgeSeconds = 600
/** A voucher may wait for the new key's holder: from an operator's desk to a bureau's key box. */
export const voucherMaxLifetimeSeconds = 7 * 86_400

export interface KeyRules {
  /** the log's origin */
  readonly log: string
  /** by the catalogue in force; undefined for a party it doesn't have */
  roleOf(party: string): 'bureau' | 'auditor' | 'operator' | undefined
  /** the gateway's clock; for an auditor the entry's `received` */
  readonly now: Date
  /** {@link requestMaxAgeSeconds} or {@link auditMaxAgeSeconds} */
  readonly maxAgeSeconds: number
}

/** Who agreed to a key entry: the party and key that vouched or revoked. */
export interface KeyDecision {
  readonly party: string
  readonly kid: string
}

/**
 * Makes the entry that a request asks for. Nothing is verified yet.
 *
 * @param proof compact JWS
 * @param now the gateway's clock: since when a key is in doubt can't lie ahead of it, and would stand in the log for good
 * @throws {RefusedRequest} `malformed`, `invalid-key`
 */
export function readKeyRequest(proof: string, now: Date): KeyEntry {
  const payload = parseStrictJson(splitCompact(proof).payload)
  const { action, party } = payload
  if ((action !== 'register' && action !== 'revoke') || typeof party !== 'string') throw invalidKey(noProof)
  const entry = readKeyEntry({ ...payload, kind: 'key', proof })
  // stricter than an entry's form, which old entries have, too
  if (entry.action === 'revoke' && entry.compromisedSince !== undefined) {
    const since = readInstant(entry.compromisedSince)
    if (since === undefined) throw invalidKey(notSince)
    if (since.getTime() > now.getTime() + maxAheadSeconds * 1000) throw invalidKey(sinceAhead)
  }
  return entry
}

const sinceAhead = {
  en: 'compromisedSince lies in the future: it says since when what the key signed is in doubt; leave it out where nothing is',
  zh: 'compromisedSince 在未来：它表示自何时起该密钥的签名存疑；若无存疑请省略',
}

const noProof = {
  en: 'the body must be a JWS whose payload says action "register" or "revoke", party, kid and more, see "Keys" in docs/bureau.md',
  zh: '请求体须为 JWS，其载荷写明 action（"register" 或 "revoke"）、party、kid 等，见 docs/bureau.md 的 Keys 一节',
}

/**
 * Checks a key entry against the keys in force just before it. Gateway and auditor ask the same.
 *
 * @throws {RefusedRequest} `signature-invalid` when it is not known who vouches or revokes, else `malformed`, `invalid-key`
 */
export function verifyKeyEntry(entry: KeyEntry, keys: KeysInForce, rules: KeyRules): Promise<KeyDecision> {
  return entry.action === 'register' ? verifyRegistration(entry, keys, rules) : verifyRevocation(entry, keys, rules)
}

async function verifyRegistration(entry: KeyRegisterEntry, keys: KeysInForce, rules: KeyRules): Promise<KeyDecision> {
  const voucher = await openVoucher(entry, keys)
  const by = voucher.key
  const proof = await openProof(entry)
  const { party, kid } = entry
  const role = rules.roleOf(party)
  if (role === undefined) throw invalidKey({ en: `the catalogue has no party ${party}`, zh: `目录中没有 ${party}` })
  if (keys.known(kid) !== undefined) throw invalidKey({ en: `the kid ${kid} has been used before`, zh: `kid ${kid} 已使用过` })
  const print = thumbprint(entry.jwk)
  if (keys.knowsThumbprint(print)) throw invalidKey({ en: 'this key has been registered before', zh: '该密钥曾经登记过' })
  const first = isFirst(keys)
  if (first && role !== 'operator')
    throw invalidKey({ en: "the first key of a log is an operator's", zh: '日志的首个密钥须属于运行方' })
  if (!first && by.party !== party && rules.roleOf(by.party) !== 'operator')
    throw invalidKey({ en: `${by.party} may not vouch for a key of ${party}`, zh: `${by.party} 无权为 ${party} 的密钥担保` })
  if (!first && by.party !== party && keys.ofParty(party).length > 0)
    throw invalidKey({
      en: `${party} has a key in force, which must vouch for the next`,
      zh: `${party} 有有效密钥，须由其为新密钥担保`,
    })
  const said = { action: 'register', party, kid, log: rules.log }
  expectMembers(voucher.payload, { ...said, thumbprint: print }, { en: 'the voucher', zh: '担保' })
  expectMembers(proof.payload, { ...said, vouchedBy: by.kid }, { en: 'the proof', zh: '证明' })
  if (JSON.stringify(readKeyEntry({ ...proof.payload, kind: 'key', proof: entry.proof })) !== JSON.stringify(entry))
    throw invalidKey({ en: 'the proof speaks of another key than the entry', zh: '证明与条目所指密钥不同' })
  expectFresh(proof.payload, rules)
  expectVoucherInTime(voucher.payload, rules)
  return { party: by.party, kid: by.kid }
}

async function verifyRevocation(entry: KeyRevokeEntry, keys: KeysInForce, rules: KeyRules): Promise<KeyDecision> {
  const { key: by, payload } = await openJws(entry.proof, 'key-revocation+jws', keys)
  const key = keys.find(entry.kid)
  if (by.party !== entry.party && rules.roleOf(by.party) !== 'operator')
    throw invalidKey({
      en: `${by.party} may not revoke a key of ${entry.party}`,
      zh: `${by.party} 无权吊销 ${entry.party} 的密钥`,
    })
  if (key?.party !== entry.party)
    throw invalidKey({
      en: `${entry.kid} is no key in force of ${entry.party}`,
      zh: `${entry.kid} 不是 ${entry.party} 的有效密钥`,
    })
  if (isLastOfOperators(entry, keys, rules))
    throw invalidKey({
      en: 'it is the last operator key in force; register its successor first, or nobody could vouch for one',
      zh: '这是最后一个有效的运行方密钥；请先登记后继密钥，否则无人可为其担保',
    })
  expectMembers(
    payload,
    { action: 'revoke', party: entry.party, kid: entry.kid, log: rules.log },
    { en: 'the revocation', zh: '吊销' },
  )
  if (JSON.stringify(readKeyEntry({ ...payload, kind: 'key', proof: entry.proof })) !== JSON.stringify(entry))
    throw invalidKey({ en: 'the proof says something else than the entry', zh: '证明与条目内容不同' })
  expectFresh(payload, rules)
  return { party: by.party, kid: by.kid }
}

/** The very first key vouches for itself: there is none before it. */
function isFirst(keys: KeysInForce): boolean {
  return keys.history().length === 0
}

async function openVoucher(entry: KeyRegisterEntry, keys: KeysInForce): Promise<SignedPayload> {
  const { voucher } = parseStrictJson(splitCompact(entry.proof).payload)
  if (typeof voucher !== 'string') throw invalidKey({ en: 'the proof carries no voucher', zh: '证明中没有担保' })
  return openJws(voucher, 'key-voucher+jws', isFirst(keys) ? await alone(entry) : keys)
}

async function openProof(entry: KeyRegisterEntry): Promise<SignedPayload> {
  try {
    return await openJws(entry.proof, 'key-proof+jws', await alone(entry))
  } catch (error) {
    if (!(error instanceof RefusedRequest) || error.refusal.code !== 'signature-invalid') throw error
    // by now it is known who vouches: it is the new key that is not acceptable
    const { en, zh } = error.refusal.detail
    throw invalidKey({ en: `the proof: ${en}`, zh: `证明：${zh}` })
  }
}

function alone(entry: KeyRegisterEntry): Promise<KeysInForce> {
  return KeysInForce.none.apply(entry, 0)
}

function isLastOfOperators(entry: KeyRevokeEntry, keys: KeysInForce, { roleOf }: KeyRules): boolean {
  const operators = keys.history().filter(({ key, revoked }) => revoked === undefined && roleOf(key.party) === 'operator')
  return operators.length === 1 && operators[0]?.key.kid === entry.kid
}

function expectMembers(payload: JsonObject, expected: Readonly<Record<string, string>>, what: Text): void {
  const wrong = Object.entries(expected).find(([member, value]) => payload[member] !== value)
  if (wrong)
    throw invalidKey({ en: `${what.en}'s ${wrong[0]} must be "${wrong[1]}"`, zh: `${what.zh}的 ${wrong[0]} 须为 "${wrong[1]}"` })
}

function expectFresh({ iat }: JsonObject, { now, maxAgeSeconds }: KeyRules): void {
  const stale = staleness(iat, now, maxAgeSeconds)
  if (stale !== undefined) throw invalidKey(stale)
}

function expectVoucherInTime({ iat, exp }: JsonObject, { now, maxAgeSeconds }: KeyRules): void {
  const seconds = now.getTime() / 1000
  if (typeof iat !== 'number' || typeof exp !== 'number' || exp - iat > voucherMaxLifetimeSeconds)
    throw invalidKey({
      en: "the voucher's iat and exp must be seconds since 1970, at most seven days apart",
      zh: '担保的 iat 与 exp 须为 1970 年以来的秒数，相距不得超过七天',
    })
  if (iat > seconds + maxAheadSeconds)
    throw invalidKey({
      en: "the voucher's iat lies in the future: check the clock, and that iat and exp are seconds since 1970, not milliseconds",
      zh: '担保的 iat 在未来：请检查时钟，并确认 iat 与 exp 为 1970 年以来的秒数而非毫秒数',
    })
  // what a gateway took just in time stands in the log a moment later
  const graceSeconds = maxAgeSeconds - requestMaxAgeSeconds
  if (exp + graceSeconds <= seconds) throw invalidKey({ en: 'the voucher has expired', zh: '担保已过期' })
}
