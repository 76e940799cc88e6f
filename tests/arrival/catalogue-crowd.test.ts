import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type HttpServer, listen } from '../../src/arrival/server.ts'
import { catalogueDigests, readCatalogueFiles } from '../../src/catalogue/load.ts'
import { signOperation } from '../../src/identity/operation-request.ts'
import { shippedCatalogue } from '../support/catalogue-folder.ts'
import { bodyOf, type Gateway, openGateway, origin } from '../support/gateway.ts'

let gateway: Gateway
let server: HttpServer
beforeAll(async () => {
  gateway = await openGateway({ consume: false })
  server = await listen(gateway.app, '127.0.0.1', 0)
})
afterAll(async () => {
  await server.close()
  await gateway.stop()
})

const path = '/v1/operations/catalogue'

/** Nobody has signed what it begins to send, and it never ends. */
function sendSlowly(): Promise<Response> {
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(Buffer.from('{')) })
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' as const }
  return gateway.request(path, init)
}

/** What an operator has signed, ready to be sent. */
async function goodBody(): Promise<string> {
  const files = await readCatalogueFiles(shippedCatalogue)
  const details = { files: catalogueDigests(files) }
  const act = { action: 'apply-catalogue', reason: 'a test', log: origin, details }
  const request = await signOperation(gateway.key('operator'), act)
  return JSON.stringify({ request, files: Object.fromEntries(files) })
}

it('catalogues are read a few at once, whoever sends one slowly loses its turn, and whoever waits gets one', async () => {
  const [body, headers] = [await goodBody(), { 'content-type': 'application/json' }]
  const send = () => gateway.request(path, { method: 'POST', headers, body })
  const slow = Array.from({ length: 11 }, sendSlowly)
  const good = send()
  for (const response of await Promise.all([sendSlowly(), send()])) {
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await bodyOf(response)).toMatchObject({ detail: expect.stringContaining('8 catalogues wait') })
  }
  expect(await bodyOf(await good)).toMatchObject({ applied: false })
  for (const response of await Promise.all(slow)) {
    expect(response.status).toBe(408)
    expect(await bodyOf(response)).toMatchObject({ detail: expect.stringContaining('too slowly') })
  }
  expect((await send()).status).toBe(200)
})

it.each(['Content-Length: 1000\r\n\r\n{', 'Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n'])(
  'a catalogue that comes slowly over a connection is told so before the server ends it: %j',
  async (rest) => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1')
      let answer = ''
      socket.on('data', (data) => {
        answer += data
      })
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${rest}`)
    })
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*too slowly/s)
  },
)
