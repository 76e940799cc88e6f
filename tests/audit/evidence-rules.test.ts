import { createPublicKey, hash } from 'node:crypto'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { collectEvidence } from '../../src/audit/evidence/collect.ts'
import { contentsOf } from '../../src/audit/evidence/contents.ts'
import { finderOf } from '../../src/audit/evidence/entry-finder.ts'
import { readHistory } from '../../src/audit/evidence/read-history.ts'
import { writeZip } from '../../src/audit/evidence/write-evidence.ts'
import { folderSource } from '../../src/audit/source-folder.ts'
import { openZip } from '../../src/audit/zip-reading.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import type { KeyEntry } from '../../src/identity/key-entry.ts'
import { makeKeyProof, makeVoucher, registerKey, revokeKey } from '../../src/identity/key-request.ts'
import { signOperation } from '../../src/identity/operation-request.ts'
import type { SigningKey } from '../../src/identity/private-key.ts'
import { catalogueEntryText, eventEntryText, keyEntryText, receivedText } from '../../src/log/entry.ts'
import { audit } from '../support/audit-command.ts'
import { eventOf, exampleOf, type MadeKey, type MadeLog, madeKey, makeLog, signedBy } from '../support/made-log.ts'
import { rewritten } from './altered-log.ts'
import { newFolder } from './log-prefix.ts'
import { unpacked, unzipped, verifiedByHand } from './verify-by-hand.ts'

let made: MadeLog
let catalogue: { readonly index: number; readonly received: string; readonly rules: string; readonly files: JsonObject }
let subject: string

beforeAll(async () => {
  // few, since the page's commands take some hundred processes for each entry that they look at
  made = await makeLog({ events: 24, subjects: 8, keepEntries: true })
  const index = made.entries.findLastIndex((entry) => entry.startsWith('{"kind":"catalogue"'))
  catalogue = { index, ...JSON.parse(made.entries[index] ?? '') }
  subject = made.subjects[0] ?? ''
})

/** Evidence as somebody makes it who looks at nothing. */
async function evidenceOf(dir: string): Promise<string> {
  const source = folderSource(dir)
  const { evidence } = await collectEvidence({
    source,
    find: finderOf(source),
    subject,
    log: made.logKey.verifier,
    vkey: made.vkey,
    now: new Date(),
  })
  const file = join(await newFolder(), 'evidence.zip')
  await writeZip(file, contentsOf(evidence, await readHistory(evidence)), evidence.made)
  return file
}

/** Evidence out of a log whose second catalogue came by another request, which the log's holder wrote and signed all the same. */
async function evidenceWith(request: string | undefined): Promise<string> {
  const { index, received, rules, files } = catalogue
  const digests = Object.fromEntries(Object.entries(files).map(([name, digest]) => [name, String(digest)]))
  const entries = [...made.entries]
  entries[index] = catalogueEntryText({ received, rules, files: digests, ...(request === undefined ? {} : { request }) })
  return evidenceOf(await rewritten(made, entries))
}

const check = (file: string, ...more: string[]) => audit('evidence', '--check', file, '--vkey', made.vkey, ...more)
const keyOf = (party: string): SigningKey => {
  const key = made.keys.get(party)
  if (key === undefined) throw new Error(`${party} has no key`)
  return key.signing
}
const requestBy = (by: SigningKey, { files = catalogue.files, now = new Date(catalogue.received), log = made.origin } = {}) =>
  signOperation(by, { action: 'apply-catalogue', reason: 'a second edition', log, details: { files }, now })

describe('evidence over a change of the rules', () => {
  it('is good when an operator whose key was in force asked for the change, and its page says who and why', async () => {
    const file = await evidenceWith(await requestBy(keyOf('operator')))
    expect(await check(file)).toMatchObject({ code: 0 })
    const zip = await openZip(file, { maxFiles: 10_000, maxTotalBytes: 2 ** 28 })
    const page = String(await zip.read('history.html', 2 ** 24))
    expect(page).toContain(`operator (${keyOf('operator').kid}): a second edition`)
    expect(page, 'the key that was revoked, and why').toContain('the key box was replaced')
    zip.close()
    const byHand = await verifiedByHand(await unpacked(await unzipped(file)), made.vkey)
    expect(byHand).toContain(`catalogues/${numbered(catalogue.index)}.entry: asked for with the key ${keyOf('operator').kid}`)
  })

  it.each<[string, () => Promise<string | undefined>, string]>([
    ['nobody asked for', async () => undefined, "it carries no operator's request"],
    ['a bureau asked for', () => requestBy(keyOf('commerce')), 'only an operator may ask for this'],
    ['an unknown key asked for', async () => requestBy((await madeKey('operator')).signing), 'its request'],
    [
      'somebody asked for in the operator’s name',
      async () => {
        const [header, payload, signature = ''] = (await requestBy(keyOf('operator'))).split('.')
        return [header, payload, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`].join('.')
      },
      'its request',
    ],
    [
      'the operator asked for with other files',
      () => requestBy(keyOf('operator'), { files: { 'catalogue.json': '0'.repeat(64) } }),
      'the operator asked for other files',
    ],
    ['the operator asked for long before', () => requestBy(keyOf('operator'), { now: new Date(0) }), 'iat'],
    ['the operator asked another log for', () => requestBy(keyOf('operator'), { log: 'other/log' }), 'log must be'],
  ])('that %s is found out', async (_, request, says) => {
    const ran = await check(await evidenceWith(await request()))
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain(`entry ${catalogue.index}: `)
    expect(ran.stderr).toContain(says)
  })

  it('a request that was carried out before changes nothing a second time', async () => {
    const { index } = catalogue
    const entries = [...made.entries]
    const first = JSON.parse(entries[0] ?? '')
    const request = await requestBy(keyOf('operator'), { files: first.files })
    const again = (at: number) => {
      const { received } = JSON.parse(made.entries[at] ?? '')
      return catalogueEntryText({ received, rules: first.rules, files: first.files, request })
    }
    entries.splice(index + 1, 0, again(index), made.entries[index] ?? '', again(index))
    const ran = await check(await evidenceOf(await rewritten(made, entries)))
    expect(ran.stderr).toContain(`entry ${index + 3}: its request was carried out before`)
  })
})

describe('events of evidence', () => {
  /** An event about the subject that came when the last entry did. */
  const later = async () => {
    const { received } = JSON.parse(made.entries.at(-1) ?? '')
    const at = new Date(received)
    const key = made.keys.get('commerce')
    if (key === undefined) throw new Error('commerce has no key')
    const { data } = exampleOf('registration.changed.v1', 'commerce')
    const event = eventOf({ type: 'registration.changed.v1', source: 'commerce', subject, data }, at, subject)
    return { at, entry: eventEntryText(received, await signedBy(key, event)) }
  }

  it('that came twice are found out', async () => {
    const { entry } = await later()
    expect(await check(await evidenceOf(await rewritten(made, [...made.entries, entry])))).toMatchObject({ code: 0 })
    const ran = await check(await evidenceOf(await rewritten(made, [...made.entries, entry, entry])))
    const says = `entry ${made.size + 1}: commerce has sent an event with its id at entry ${made.size} already`
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining(says) })
  })

  it('that were received before the entries in front of them are found out', async () => {
    const { at, entry } = await later()
    const now = new Date(at.getTime() + 1000)
    const { signing } = await madeKey('state-tax')
    const registration = await registerKey(signing, keyOf('state-tax'), { party: 'state-tax', log: made.origin, now })
    const key = keyEntryText(receivedText(now), registration)
    const ran = await check(await evidenceOf(await rewritten(made, [...made.entries, key, entry])))
    const says = `entry ${made.size + 1}: it was received at ${receivedText(at)}, and entry ${made.size} in front of it at`
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining(says) })
  })
})

describe('the keys of evidence', () => {
  it('stand on the first operator’s, which --operator pins', async () => {
    const file = await evidenceOf(made.dir)
    const open = await check(file)
    expect(open).toMatchObject({ code: 0, stdout: expect.stringContaining(made.operatorThumbprint) })
    expect(open.stdout).toContain('pin it with --operator')
    const pinned = await check(file, '--operator', made.operatorThumbprint)
    expect(pinned).toMatchObject({ code: 0, stdout: expect.stringContaining('was compared with --operator') })
    const other = await check(file, '--operator', 'x'.repeat(43))
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('but --operator says') })
    const make = ['--subject', subject, '--from', made.dir, '--out', join(await newFolder(), 'e.zip'), '--vkey', made.vkey]
    expect(await audit('evidence', ...make, '--operator', 'x'.repeat(43))).toMatchObject({ code: 1 })
  })

  it('can not begin with another than the log’s own', async () => {
    const files = new Map<string, Buffer>()
    const zip = await openZip(await evidenceOf(made.dir), { maxFiles: 10_000, maxTotalBytes: 2 ** 28 })
    for (const name of zip.names) files.set(name, (await zip.read(name, 2 ** 24)) ?? Buffer.alloc(0))
    zip.close()
    files.delete('keys/000000000001.tlog-proof')
    const file = join(await newFolder(), 'changed.zip')
    await writeZip(file, files, '2026-11-23T00:00:00Z')
    const ran = await check(file)
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain("it lacks the log's beginning")
  })
})

describe('the page that says how to verify evidence by hand', () => {
  const now = new Date('2026-11-23T00:00:00Z')
  const party = 'commerce'
  /** The log's holder adds a key of commerce and an event by it, with a page and a PEM that fit. */
  const forged = async (key: MadeKey, registration: KeyEntry | undefined, eventBy: MadeKey, source = party) => {
    const { type, data } = exampleOf('registration.changed.v1', 'commerce')
    const event = eventEntryText(
      receivedText(now),
      await signedBy(eventBy, eventOf({ type, source, subject, data }, now, subject)),
    )
    const more = registration === undefined ? [event] : [keyEntryText(receivedText(now), registration), event]
    const files = await unzipped(await evidenceOf(await rewritten(made, [...made.entries, ...more])))
    leaveOutOthers(files)
    files.set(
      `keys/${numbered(made.entries.length)}.pem`,
      Buffer.from(createPublicKey(key.keyObject).export({ type: 'spki', format: 'pem' })),
    )
    files.delete('SHA256SUMS')
    files.set('SHA256SUMS', Buffer.from([...files].map(([name, content]) => `${hash('sha256', content)}  ${name}\n`).join('')))
    return verifiedByHand(await unpacked(files), made.vkey)
  }
  /** Entries that no forgery has to do with: the commands take a hundred processes for each, and the whole is verified above. */
  const leaveOutOthers = (files: Map<string, Buffer>) => {
    for (const [name, content] of files) {
      if (!name.endsWith('.entry')) continue
      const { kind, party } = JSON.parse(String(content))
      const isOthers = kind === 'key' ? ['auditor', 'state-tax'].includes(party) : kind === 'event' && isMade(String(content))
      if (isOthers) for (const end of ['entry', 'tlog-proof', 'pem']) files.delete(name.replace(/entry$/, end))
    }
  }
  const isMade = (entry: string) => made.entries.includes(entry)
  const madeKeyOf = (name: string) => {
    const key = made.keys.get(name)
    if (key === undefined) throw new Error(`${name} has no key`)
    return key
  }
  const at = () => ({ party, log: made.origin, now })

  it('takes a key that the party itself vouches for', async () => {
    const key = await madeKey(party)
    expect(await forged(key, await registerKey(key.signing, keyOf('commerce'), at()), key)).toMatch(/VERIFIED\n$/)
  })

  it.each<[string, (key: MadeKey) => Promise<KeyEntry>, string]>([
    ['that vouches for itself', (key) => registerKey(key.signing, key.signing, at()), 'vouches for itself'],
    [
      'that the operator vouches for while the party has one',
      (key) => registerKey(key.signing, keyOf('operator'), at()),
      'commerce has a key in force, which must vouch for the next',
    ],
    [
      'that another bureau vouches for',
      (key) => registerKey(key.signing, keyOf('local-tax'), at()),
      'local-tax may not vouch for a key of commerce',
    ],
    [
      'that a revoked key vouches for',
      (key) => registerKey(key.signing, made.revoked.signing, at()),
      'signed with {revoked}, which is no key in force there',
    ],
    [
      'that somebody vouches for in the name of the party’s key',
      async (key) => {
        const { signing } = await madeKey(party)
        return registerKey(key.signing, { ...signing, kid: keyOf(party).kid }, at())
      },
      'the signature by {commerce} is not good',
    ],
    [
      'whose voucher is for another key',
      async (key) => {
        const voucher = await makeVoucher(keyOf(party), { ...at(), kid: key.signing.kid, publicKey: keyOf(party).publicKey })
        return makeKeyProof(key.signing, { ...at(), voucher, vouchedBy: keyOf(party).kid })
      },
      'does not say thumbprint',
    ],
    [
      'whose voucher is for another log',
      (key) => registerKey(key.signing, keyOf(party), { ...at(), log: 'other/log' }),
      'does not say log {origin}',
    ],
    [
      'that did not sign for itself',
      async (key) => {
        const entry = await registerKey(key.signing, keyOf(party), at())
        const { proof } = await registerKey((await madeKey(party)).signing, keyOf(party), at())
        return { ...entry, proof }
      },
      'which is no key in force there',
    ],
  ])('refuses a key %s', async (_, registration, says) => {
    const key = await madeKey(party)
    const expected = says
      .replace('{revoked}', made.revoked.signing.kid)
      .replace('{commerce}', keyOf(party).kid)
      .replace('{origin}', made.origin)
    await expect(forged(key, await registration(key), key)).rejects.toThrow(expected)
  })

  it('refuses an event of a party by the key of another, and by a key that was revoked', async () => {
    const local = madeKeyOf('local-tax')
    await expect(forged(local, undefined, local)).rejects.toThrow('does not say source /bureaus/local-tax')
    await expect(forged(made.revoked, undefined, made.revoked)).rejects.toThrow('which is no key in force there')
  })

  it('refuses a revocation by another bureau', async () => {
    const key = madeKeyOf(party)
    const revoked = await revokeKey(keyOf('local-tax'), { ...at(), kid: key.signing.kid, reason: 'because' })
    await expect(forged(key, revoked, key)).rejects.toThrow('local-tax may not revoke a key of commerce')
  })
})

const numbered = (index: number) => String(index).padStart(12, '0')
