import { once } from 'node:events'
import { createServer } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { withDeadline } from '../src/deadline.ts'
import { freePort } from './support/free-port.ts'

/** Never ends by itself. */
const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

it('ends a request that is never answered, also when garbage is collected meanwhile', async () => {
  const port = await freePort()
  const silent = createServer(() => {}).listen(port, '127.0.0.1')
  await once(silent, 'listening')
  setFlagsFromString('--expose-gc')
  const collecting = setInterval(runInNewContext('gc'), 10)
  const outer = new AbortController()
  try {
    const ended = withDeadline(300, outer.signal, (signal) => fetch(`http://127.0.0.1:${port}/`, { signal }))
    await expect(ended).rejects.toMatchObject({ name: 'TimeoutError' })
  } finally {
    clearInterval(collecting)
    silent.closeAllConnections()
    silent.close()
  }
})

it('ends work that is aborted, with the reason, also when it was aborted before', async () => {
  const outer = new AbortController()
  const ended = withDeadline(60_000, outer.signal, never)
  outer.abort(new Error('stopping'))
  await expect(ended).rejects.toThrow('stopping')
  await expect(withDeadline(60_000, outer.signal, async (signal) => signal.throwIfAborted())).rejects.toThrow('stopping')
})

it('gives what the work gives', async () => {
  expect(await withDeadline(60_000, undefined, async () => 7)).toBe(7)
})
