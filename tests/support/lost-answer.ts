import { createServer } from 'node:http'

/** A way to an exchange on which the answer to the first POST is lost: it was carried out, and the connection ends. */
export async function loseFirstAnswer(exchange: string): Promise<{ url: string; lost: () => number; close: () => void }> {
  let lost = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = 'GET', url = '/', headers } = request
    const passed = ['content-type', 'authorization'].flatMap((name) => {
      const value = headers[name]
      return typeof value === 'string' ? [[name, value] as const] : []
    })
    const body = method === 'POST' ? Buffer.concat(chunks) : null
    const answer = await fetch(`${exchange}${url}`, { method, headers: Object.fromEntries(passed), body })
    const text = await answer.text()
    if (method === 'POST' && lost === 0) {
      lost += 1
      request.socket.destroy()
    } else response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the way to the exchange has no port')
  return { url: `http://127.0.0.1:${address.port}`, lost: () => lost, close: () => void server.close() }
}
