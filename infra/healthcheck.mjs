// Exits with 0 when the process of this container does its work: a gateway when it can accept events, the others
// when they answer at all, at METRICS_PORT, which they alone have.
const { METRICS_PORT, PORT = '8080' } = process.env
const url = METRICS_PORT ? `http://127.0.0.1:${METRICS_PORT}/health/live` : `http://127.0.0.1:${PORT}/health/ready`
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(4000) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 500)}`)
} catch (error) {
  console.error(`${url}: ${error.cause?.code ?? error.message}`)
  process.exit(1)
}
