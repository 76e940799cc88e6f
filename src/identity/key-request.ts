import type { KeyRegisterEntry, KeyRevokeEntry } from './key-entry.ts'
import type { SigningKey } from './private-key.ts'
import type { PublicKey } from './public-key.ts'
import { signJws } from './sign.ts'

// What a key's holder does; key-proof.ts describes the forms and verifies them.

/** Agrees that the key `kid` belongs to the party. */
export function makeVoucher(
  by: SigningKey,
  {
    party,
    kid,
    publicKey,
    log,
    now = new Date(),
    lifetimeSeconds = 86_400,
  }: NewKey & { log: string; now?: Date; lifetimeSeconds?: number },
): Promise<string> {
  const iat = secondsOf(now)
  const { thumbprint } = publicKey
  return signJws(by, 'key-voucher+jws', { action: 'register', party, kid, thumbprint, log, iat, exp: iat + lifetimeSeconds })
}

interface NewKey {
  readonly party: string
  readonly kid: string
  readonly publicKey: PublicKey
}

/** Signs with the new key over somebody's voucher: the registration, ready to be sent or appended. */
export async function makeKeyProof(
  key: SigningKey,
  {
    party,
    voucher,
    vouchedBy,
    log,
    now = new Date(),
  }: { party: string; voucher: string; vouchedBy: string; log: string; now?: Date },
): Promise<KeyRegisterEntry> {
  const { kid } = key
  const { jwk } = key.publicKey
  const proof = await signJws(key, 'key-proof+jws', {
    action: 'register',
    party,
    kid,
    jwk: { ...jwk },
    log,
    iat: secondsOf(now),
    vouchedBy,
    voucher,
  })
  return { kind: 'key', action: 'register', party, kid, jwk, proof }
}

/** Voucher and proof at one desk; for the first operator's key, `by` is the key itself. */
export async function registerKey(
  key: SigningKey,
  by: SigningKey,
  at: { party: string; log: string; now?: Date },
): Promise<KeyRegisterEntry> {
  const voucher = await makeVoucher(by, { ...at, kid: key.kid, publicKey: key.publicKey })
  return makeKeyProof(key, { ...at, voucher, vouchedBy: by.kid })
}

export async function revokeKey(
  by: SigningKey,
  {
    now = new Date(),
    log,
    ...what
  }: { party: string; kid: string; reason: string; compromisedSince?: string; log: string; now?: Date },
): Promise<KeyRevokeEntry> {
  const proof = await signJws(by, 'key-revocation+jws', { action: 'revoke', ...what, log, iat: secondsOf(now) })
  return { kind: 'key', action: 'revoke', ...what, proof }
}

function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
