// Events of made-up companies, signed beforehand: signing must not take the time that is measured.
import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { organisationCheckCharacter } from '../dist/domain/codes/organisation-code.js'
import { usccCheckCharacter } from '../dist/domain/codes/uscc.js'

const read = (name) => JSON.parse(readFileSync(new URL(`../docs/examples/${name}`, import.meta.url), 'utf8'))
const example = read('01-registration-established-commerce.json')
const registration = read('02-tax-registered-state-tax.json')

/**
 * The establishment of the n-th made-up company, with a USCC whose checks are right.
 *
 * @param elsewhere in another division than the example's
 */
export function establishment(n, { elsewhere = false } = {}) {
  const uscc = usccOf(n)
  const { registrationNumber: _, ...given } = example.data
  const data = elsewhere ? { ...given, addressDivision: '210202' } : given
  return { ...envelope('commerce', example.type, uscc), data: { ...data, uscc } }
}

/** What the state-tax bureau says of it afterwards. */
export function taxRegistration(n) {
  const uscc = usccOf(n)
  return { ...envelope('state-tax', registration.type, uscc), data: { ...registration.data, uscc, taxpayerId: uscc } }
}

function usccOf(n) {
  const body = String(n).padStart(8, '0')
  const first17 = `91210200${body}${organisationCheckCharacter(body)}`
  return `${first17}${usccCheckCharacter(first17)}`
}

function envelope(party, type, subject) {
  const time = new Date().toISOString()
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: `/bureaus/${party}`,
    type,
    subject,
    time,
    datacontenttype: 'application/json',
  }
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
