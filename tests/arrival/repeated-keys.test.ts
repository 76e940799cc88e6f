import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerKey, revokeKey } from '../../src/identity/key-request.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { bodyOf, type Gateway, openGateway, origin } from '../support/gateway.ts'

describe('a key’s request that comes again', () => {
  let gateway: Gateway
  let clock = new Date()
  let next: SigningKey
  const commerce = { party: 'commerce', log: origin }
  const size = () => gateway.parts.log.size()
  const post = (body: string, to = gateway) =>
    to.request('/v1/keys', { method: 'POST', body, headers: { 'content-type': 'application/jose' } })
  const made = async () => importSigningKey(await generateKey('ES256'))
  beforeAll(async () => {
    gateway = await openGateway({ consume: false, now: () => clock })
    next = await made()
  })
  afterAll(() => gateway.stop())

  it('is answered with what the first answer said, also when it is old and the keys have changed since', async () => {
    const { proof } = await registerKey(next, gateway.key('commerce'), commerce)
    const first = await post(proof)
    expect(first.status).toBe(201)
    const { receipt, ...said } = await bodyOf(first)
    const again = await post(proof)
    expect(again.status).toBe(200)
    expect(await bodyOf(again)).toMatchObject({ ...said, receipt: expect.stringContaining(String(said.index)) })

    // by the revoked key itself, so that nothing is left that could sign it
    const { kid } = gateway.key('commerce')
    const revocation = await revokeKey(gateway.key('commerce'), { ...commerce, kid, reason: 'rotation' })
    const revoked = await bodyOf(await post(revocation.proof))
    const before = await size()
    clock = new Date(Date.now() + 86_400_000)
    const answers = [await post(revocation.proof), await post(proof)]
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(await Promise.all(answers.map(bodyOf))).toMatchObject([{ index: revoked.index, action: 'revoke' }, said])
    expect(receipt).toBeDefined()
    expect(await size()).toBe(before)
  })

  it('is logged once when it comes twice at once, or to another gateway', async () => {
    clock = new Date()
    const other = await openGateway({ beside: gateway, consume: false })
    try {
      const { proof } = await registerKey(await made(), next, commerce)
      const before = await size()
      const answers = await Promise.all([post(proof), post(proof), post(proof, other)])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 201])
      expect(new Set((await Promise.all(answers.map(bodyOf))).map(({ index }) => index)).size).toBe(1)
      expect(await size()).toBe(before + 1)
    } finally {
      await other.stop()
    }
  })

  it('is refused when it is another proof of the same, since only the one that was taken proves who asks', async () => {
    const key = await made()
    const { proof } = await registerKey(key, next, commerce)
    expect((await post(proof)).status).toBe(201)
    const anew = await registerKey(key, next, commerce)
    expect(await bodyOf(await post(anew.proof))).toMatchObject({ status: 422, code: 'invalid-key' })
  })
})
