import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openapiDocument } from '../../src/arrival/openapi.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { bodyOf, type Gateway, openGateway } from '../support/gateway.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await openGateway({ consume: false })
})
afterAll(() => gateway.stop())

const search = '/v1/bureaus/commerce/records/registration'
const readerOf = (path: string) => (path.startsWith('/v1/operations') ? 'operator' : 'auditor')

/** Everything that is read under /v1, with its parameters as the OpenAPI document has them. */
function addresses(): { path: string; parameters: string[]; needed: string }[] {
  const { paths } = openapiDocument(gateway.parts.keeper.inForce.rules)
  return Object.entries(isJsonObject(paths) ? paths : {}).flatMap(([template, methods]) => {
    const get = isJsonObject(methods) ? methods.get : undefined
    if (!template.startsWith('/v1/') || !isJsonObject(get)) return []
    const inQuery = (Array.isArray(get.parameters) ? get.parameters : []).filter((one) => one.in === 'query')
    const path = template
      .replace('{bureau}', 'commerce')
      .replace('{kind}', 'registration')
      .replace(/\{[a-z]+\}/g, '1')
    const needed = inQuery.filter((one) => one.required === true).map(({ name }) => `${name}=1&`)
    return [{ path, parameters: inQuery.map(({ name }) => String(name)), needed: needed.join('') }]
  })
}

async function refused(address: string, language = 'en', party = readerOf(address)): Promise<JsonObject> {
  const body = await bodyOf(await gateway.get(address, party, { 'accept-language': language }))
  expect(body, address).toMatchObject({ status: 400, code: 'invalid-request', detail: expect.any(String) })
  return body
}

describe('a query', () => {
  it('with a parameter that an address has not is refused, and is told which there are: at every address', async () => {
    const all = addresses()
    expect(all.length).toBeGreaterThan(15)
    for (const { path, parameters, needed } of all) {
      const { detail } = await refused(`${path}?${needed}naem=x`)
      const others = parameters.length === 0 ? 'nor any other' : 'only '
      expect(detail, path).toMatch(new RegExp(`^there is no parameter "naem" here, ${others}`))
      if (parameters.length > 0) expect(String(detail).split(', only ')[1]?.split(', ').sort(), path).toEqual(parameters.sort())
    }
  })

  it('with a parameter twice is refused, at every address that has any', async () => {
    for (const { path, parameters, needed } of addresses())
      for (const name of parameters) {
        const { detail } = await refused(`${path}?${needed.replace(`${name}=1&`, '')}${name}=1&${name}=1`)
        expect(detail, `${path} ${name}`).toContain(`${name} is given 2 times: give it once`)
      }
  })

  it('is told all that is wrong with it at once, in both languages', async () => {
    const query = `${search}?naem=x&__proto__=1&status=a&status=b&limit=0&jurisdiction=${'2'.repeat(201)}&cursor=!&name=%B4%F3`
    expect((await refused(query)).detail).toBe(
      'there are no parameters "naem", "__proto__" here, only name, status, jurisdiction, cursor, limit; ' +
        'name must be percent-encoded UTF-8 (GBK is not: 大 is %E5%A4%A7); status is given 2 times: give it once; ' +
        'jurisdiction must be a text of at most 200 characters without U+0000; cursor must be the next of the page before; ' +
        'limit must be a number from 1 to 100',
    )
    expect((await refused(query, 'zh')).detail).toBe(
      '此处没有参数 "naem"、"__proto__"，只有 name、status、jurisdiction、cursor、limit；' +
        'name 须为：百分号编码的 UTF-8（不是 GBK：“大”写作 %E5%A4%A7）；status 出现 2 次，只能给出一次；' +
        'jurisdiction 须为：不超过 200 个字符且不含 U+0000 的文本；cursor 须为：上一页给出的 next；limit 须为：1 到 100 的数字',
    )
    expect((await refused('/v1/log/entries?from=yesterday&kind=x&subjectKind=registration&foo=1')).detail).toMatch(
      /^there is no parameter "foo" .*; subjectKind must be given .*; kind must be one of .*; from must be a time /,
    )
    const consistency = await refused('/v1/log/consistency?to=999&bar=1')
    expect(consistency.detail).toMatch(
      /"bar" here, only from, to; from must be a size .*; to must be a size that the log has had/,
    )
  })

  it('with thousands of names is answered by a bounded sentence', async () => {
    const names = Array.from({ length: 2000 }, (_, n) => `n${n}`)
    const { detail } = await refused(`${search}?${names.join('&')}&${'x'.repeat(3000)}`)
    expect(detail).toMatch(/"n19" and 1981 more here/)
    expect(String(detail).length).toBeLessThan(1000)
    const long = await refused(`${search}?${'x'.repeat(3000)}=1`)
    expect(String(long.detail).length).toBeLessThan(200)
  })

  it('may have empty parameters, which are left out, also the size of a page', async () => {
    for (const path of [
      `${search}?name=&status=&cursor=&limit=`,
      '/v1/log/entries?limit=&kind=&&after',
      '/v1/log/consistency?from=1&to=',
    ])
      expect((await gateway.get(path, 'auditor')).status, path).toBe(200)
  })

  it('is read in Chinese, with a plus for a blank', async () => {
    expect((await gateway.get(`${search}?name=%E5%A4%A7+%E8%BF%9E`, 'auditor')).status).toBe(200)
  })

  it('does not hide who may read: that is told first', async () => {
    expect((await gateway.get('/v1/log/entries?foo=1')).status).toBe(401)
    expect((await gateway.get('/v1/log/entries?foo=1', 'commerce')).status).toBe(403)
  })
})
