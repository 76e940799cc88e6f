import { Hono } from 'hono'
import type { Metrics } from '../metrics.ts'

/** For a process that takes no events: what it counts, and that it is alive. */
export function createMetricsApp({ registry }: Metrics): Hono {
  const app = new Hono()
  app.get('/metrics', async (c) =>
    c.body(await registry.metrics(), 200, { 'content-type': registry.contentType, 'cache-control': 'no-store' }),
  )
  app.get('/health/live', (c) => c.text('live', 200, { 'cache-control': 'no-store' }))
  return app
}
