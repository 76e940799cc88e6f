// Events of made-up companies, signed beforehand: signing must not take the time that is measured.
import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { organisationCheckCharacter } from '../dist/domain/codes/organisation-code.js'
import { usccCheckCharacter } from '../dist/domain/codes/uscc.js'

const example = JSON.parse(
  readFileSync(new URL('../docs/examples/01-registration-established-commerce.json', import.meta.url), 'utf8'),
)

/**
 * The establishment of the n-th made-up company, with a USCC whose checks are right.
 *
 * @param elsewhere in another division than the example's
 */
export function establishment(n, { elsewhere = false } = {}) {
  const body = String(n).padStart(8, '0')
  const first17 = `91210200${body}${organisationCheckCharacter(body)}`
  const uscc = `${first17}${usccCheckCharacter(first17)}`
  const { registrationNumber: _, ...given } = example.data
  const data = elsewhere ? { ...given, addressDivision: '210202' } : given
  const envelope = { specversion: '1.0', id: randomUUID(), source: '/bureaus/commerce', type: example.type, subject: uscc }
  return { ...envelope, time: new Date().toISOString(), datacontenttype: 'application/json', data: { ...data, uscc } }
}

/**
 * Signs as a bureau does, by ES256.
 *
 * @param folder with `<party>.jwk`
 * @returns a function from event to compact JWS
 */
export function signerOf(folder, party) {
  const jwk = JSON.parse(readFileSync(join(folder, `${party}.jwk`), 'utf8'))
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: jwk.kid, typ: 'event+jws' })).toString('base64url')
  return (event) => {
    const input = `${header}.${Buffer.from(JSON.stringify(event)).toString('base64url')}`
    const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
}
